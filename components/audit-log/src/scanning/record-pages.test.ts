import type { RecordPages, RecordStreamQuery } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPagedStreamer, createRecordPages, type RunningAuditLog } from '../index.ts';
import { createRig, draft, type Rig } from '../testing/rig.ts';
import { createStreamReader } from '../testing/stream-reader.ts';

const bank = '5299000J2N45DDNE4Y28';
const query: RecordStreamQuery = { types: ['decision.made'], values: ['/data/decision/input'] };

describe('a stream of the log in another process', () => {
  let rig: Rig;
  let log: RunningAuditLog;
  let pages: ReturnType<typeof createRecordPages>;
  beforeEach(async () => {
    rig = await createRig();
    log = await rig.open();
    pages = createRecordPages({ log, random: systemRandom });
    await Promise.all(
      Array.from({ length: 300 }, (_, number) =>
        log.append(
          draft({
            type: 'decision.made',
            outcome: 'permit',
            subject: { id: `person:${number}`, institution: bank },
            data: { decision: { number } },
            protectedValues: [{ kind: 'strategy', subject: bank, path: '/data/decision/input', value: { number } }],
          }),
        ),
      ),
    );
  });
  afterEach(async () => {
    await pages.stop();
    await rig.close();
  });

  /** As it arrives over a connection: copied, within a larger message. */
  const remote = (source: RecordPages): RecordPages => ({
    ...source,
    async nextPage(stream) {
      const said = structuredClone(await source.nextPage(stream));
      if (said.say !== 'page') return said;
      const { records, bytes, ends } = said.page;
      const larger = new Uint8Array(bytes.length + 20);
      larger.set(bytes, 10);
      return { say: 'page', page: { records, bytes: larger.subarray(10, 10 + bytes.length), ends } };
    },
  });

  it('returns the same pages and values as the local stream, requesting one while another is processed', async () => {
    const expected = await createStreamReader(await log.stream(query), 1).rest();
    expect(expected).toHaveLength(300);
    const reader = createStreamReader(await createPagedStreamer(remote(pages)).stream(query), 1);
    expect(await reader.rest()).toEqual(expected);
    await reader.closed;

    const eager = createStreamReader(await createPagedStreamer(remote(pages)).stream(query), 1);
    eager.ask();
    eager.ask();
    const both = [await eager.said(), await eager.said()];
    expect(both.map((said) => (said === 'closed' ? said : said.say))).toEqual(['page', 'page']);
    eager.close();
  });

  it('releases its slot when it is stopped, abandoned or read to its end', async () => {
    const streamer = createPagedStreamer(remote(pages));
    for (let round = 0; round < 3; round++) {
      const streams = await Promise.all(Array.from({ length: 4 }, () => streamer.stream(query)));
      expect(await codeOf(streamer.stream(query))).toBe('overloaded');
      for (const [number, stream] of streams.entries())
        if (number === 0) stream.port.close();
        else if (number === 1) await createStreamReader(stream, 1).rest();
        else await stream.stop();
      await expect.poll(async () => codeOf(free(streamer))).toBe('nothing was refused');
    }
  });

  it('fails with a clear error if the other process is gone, and for an unknown stream', async () => {
    expect(await pages.nextPage('made-up')).toMatchObject({ say: 'failed' });
    const streamer = createPagedStreamer({
      ...pages,
      nextPage: () => Promise.reject(new Error('the connection was refused')),
    });
    const reader = createStreamReader(await streamer.stream(query), 1);
    await expect(reader.page()).rejects.toThrow('the connection was refused');
    await reader.closed;
  });

  /** Takes all four slots at once. */
  async function free(streamer: ReturnType<typeof createPagedStreamer>): Promise<void> {
    const taken = await Promise.allSettled(Array.from({ length: 4 }, () => streamer.stream(query)));
    for (const one of taken) if (one.status === 'fulfilled') await one.value.stop();
    for (const one of taken) if (one.status === 'rejected') throw one.reason;
  }
});
