import type { MessagePort } from 'node:worker_threads';
import type { FromRecordStream, RecordPage, ToRecordStream } from './record-stream.ts';

/** Reads the pages of a record stream in order. */
export interface PageSource {
  /**
   * The next page. The page after it is prefetched.
   *
   * @returns undefined at the end
   * @throws Error when the log cannot be read further
   */
  next(): Promise<RecordPage | undefined>;
}

const ask: ToRecordStream = { say: 'next' };

/** @param port of a `RecordStream` */
export function createPageSource(port: MessagePort): PageSource {
  const come: FromRecordStream[] = [];
  let waiting: (() => void)[] = [];
  let closed = false;
  const wake = (): void => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  port.on('message', (said: FromRecordStream) => {
    come.push(said);
    wake();
  });
  port.on('close', () => {
    closed = true;
    wake();
  });
  port.postMessage(ask);

  return {
    async next() {
      while (come.length === 0 && !closed)
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      const said = come.shift();
      if (said === undefined) throw new Error('the thread that reads the log has ended');
      switch (said.say) {
        case 'page':
          port.postMessage(ask);
          return said.page;
        case 'end':
          // The reader reports the end once; later calls get it again.
          come.push(said);
          return undefined;
        case 'failed':
          throw new Error(`the log cannot be read further: ${said.detail}`);
        default:
          return said satisfies never;
      }
    },
  };
}
