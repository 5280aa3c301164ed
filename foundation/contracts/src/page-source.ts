import type { MessagePort } from 'node:worker_threads';
import type { FromRecordStream, RecordPage, ToRecordStream } from './record-stream.ts';

/** Pages of a stream of records, in order. */
export interface PageSource {
  /**
   * The next page; the one after it is read while this one is worked on.
   *
   * @returns undefined at the end
   * @throws Error when the log could not be read on
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
      if (said === undefined) throw new Error('the thread that reads the log is gone');
      switch (said.say) {
        case 'page':
          port.postMessage(ask);
          return said.page;
        case 'end':
          // Said once: whoever asks again hears it again.
          come.push(said);
          return undefined;
        case 'failed':
          throw new Error(`the log could not be read on: ${said.detail}`);
        default:
          return said satisfies never;
      }
    },
  };
}
