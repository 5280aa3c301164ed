import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { FromRecordStream } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { givePages } from './give-pages.ts';
import { createPageBytes } from './page-bytes.ts';
import type { PageReader } from './page-reader.ts';

let consumer: MessagePort;
let port: MessagePort;
let said: FromRecordStream[];
beforeEach(() => {
  said = [];
  ({ port1: port, port2: consumer } = new MessageChannel());
  port.on('message', (one: FromRecordStream) => said.push(one));
});
afterEach(() => port.close());

/** Any number of pages of nothing. */
function pagesOf(count: number): PageReader & { taken: number } {
  const pages = {
    taken: 0,
    async read() {
      pages.taken += 1;
      return pages.taken > count ? undefined : { bodies: [], values: [] };
    },
    open: async () => createPageBytes(0, 0).page(0),
  };
  return pages;
}
const nothing = async (): Promise<void> => undefined;
/** Everything posted before this has arrived. */
const delivered = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('a consumer of pages', () => {
  it('that never asks for the first is dropped before anything is read', async () => {
    const pages = pagesOf(3);
    let begun = false;
    const begin = async (): Promise<void> => {
      begun = true;
    };
    await givePages(consumer, pages, begin, 5);
    await delivered();
    expect(said).toMatchObject([{ say: 'failed' }]);
    expect([begun, pages.taken]).toEqual([false, 0]);
  });

  it('that stops asking is dropped, with one page read ahead', async () => {
    const pages = pagesOf(9);
    port.postMessage({ say: 'next' });
    await givePages(consumer, pages, nothing, 1_000);
    await delivered();
    expect(said.map(({ say }) => say)).toEqual(['page', 'failed']);
    expect(pages.taken).toBe(2);
  });

  it('that asks for all receives all and the end', async () => {
    for (let number = 1; number <= 4; number++) port.postMessage({ say: 'next' });
    await givePages(consumer, pagesOf(3), nothing, 60_000);
    await delivered();
    expect(said.map(({ say }) => say)).toEqual(['page', 'page', 'page', 'end']);
  });

  it('is notified once if the stream cannot start', async () => {
    port.postMessage({ say: 'next' });
    const unreachable = async (): Promise<void> => {
      throw new AggregateError([
        new Error('connect ECONNREFUSED ::1:5'),
        new Error('connect ECONNREFUSED 127.0.0.1:5'),
      ]);
    };
    await givePages(consumer, pagesOf(3), unreachable, 60_000);
    await delivered();
    expect(said).toEqual([{ say: 'failed', detail: 'connect ECONNREFUSED ::1:5; connect ECONNREFUSED 127.0.0.1:5' }]);
  });
});
