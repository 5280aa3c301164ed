import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createPageSource } from './page-source.ts';
import type { FromRecordStream, RecordPage } from './record-stream.ts';

function page(name: string): RecordPage {
  const bytes = new TextEncoder().encode(name);
  return { records: 1, bytes, ends: Uint32Array.of(bytes.length) };
}

/** A source with a scripted log at the other end of its port: one answer per request. */
function following(...answers: readonly FromRecordStream[]) {
  const { port1: port, port2: log } = new MessageChannel();
  const left = [...answers];
  let asked = 0;
  log.on('message', () => {
    asked++;
    const answer = left.shift();
    if (answer !== undefined) log.postMessage(answer);
    if (left.length === 0) log.close();
  });
  return { port, log, source: createPageSource(port), asked: () => asked };
}

function textOf(read: RecordPage | undefined): string | undefined {
  return read === undefined ? undefined : Buffer.from(read.bytes).toString();
}

describe('pages of a stream of records', () => {
  it('come in order, then the end for every further request, even after the stream is gone', async () => {
    const { source } = following({ say: 'page', page: page('a') }, { say: 'page', page: page('b') }, { say: 'end' });
    const read: (string | undefined)[] = [];
    for (let time = 0; time < 4; time++) read.push(textOf(await source.next()));
    expect(read).toEqual(['a', 'b', undefined, undefined]);
  });

  it('come to each requester when several ask at once', async () => {
    const { source } = following({ say: 'page', page: page('a') }, { say: 'page', page: page('b') }, { say: 'end' });
    const read = await Promise.all([source.next(), source.next(), source.next(), source.next()]);
    expect(read.map(textOf)).toEqual(['a', 'b', undefined, undefined]);
  });

  it('are requested one ahead, and no further', async () => {
    const answers = ['a', 'b', 'c', 'd'].map((name): FromRecordStream => ({ say: 'page', page: page(name) }));
    const { source, asked, port, log } = following(...answers);
    expect(textOf(await source.next())).toBe('a');
    // By then every earlier request has arrived.
    await new Promise((resolve) => {
      log.once('close', resolve);
      port.close();
    });
    expect(asked()).toBe(2);
  });

  it('do not end silently if the stream is gone', async () => {
    const { source, log } = following({ say: 'page', page: page('a') }, { say: 'end' });
    expect(textOf(await source.next())).toBe('a');
    log.removeAllListeners('message');
    log.close();
    await expect(source.next()).rejects.toThrow('has ended');
    await expect(source.next()).rejects.toThrow('has ended');
    const none = new MessageChannel();
    none.port2.close();
    await expect(createPageSource(none.port1).next()).rejects.toThrow('has ended');
  });

  it('do not end if the log could not be read further, and pages already read come first', async () => {
    const { source } = following({ say: 'page', page: page('a') }, { say: 'failed', detail: 'the disk is full' });
    expect(textOf(await source.next())).toBe('a');
    await expect(source.next()).rejects.toThrow('the disk is full');
    await expect(source.next()).rejects.toThrow('has ended');
  });
});
