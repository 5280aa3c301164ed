import { type FromRecordStream, pieceOf, type RecordStream, type ToRecordStream } from '@countersign/contracts';

export interface StreamedRecord {
  readonly text: string;
  /** In the order of the request; empty where there is none. */
  readonly values: readonly string[];
}

/** Reads a stream one page at a time. @param values the number of requested values */
export function createStreamReader({ port }: RecordStream, values: number) {
  const come: FromRecordStream[] = [];
  let waiting: (() => void) | undefined;
  let closed = false;
  const wake = (): void => waiting?.();
  port.on('message', (said: FromRecordStream) => {
    come.push(said);
    wake();
  });
  const closing = new Promise<void>((resolve) => {
    port.on('close', () => {
      closed = true;
      wake();
      resolve();
    });
  });
  const ask: ToRecordStream = { say: 'next' };

  const reader = {
    ask: () => port.postMessage(ask),
    /** The next message, without a request; `closed` at the end. */
    async said(): Promise<FromRecordStream | 'closed'> {
      while (come.length === 0 && !closed)
        await new Promise<void>((resolve) => {
          waiting = resolve;
        });
      return come.shift() ?? 'closed';
    },
    /** The records of the next page; undefined at the end. @throws Error if the stream reports a failure */
    async page(): Promise<readonly StreamedRecord[] | undefined> {
      reader.ask();
      const said = await reader.said();
      if (said === 'closed') throw new Error('the stream was closed');
      if (said.say === 'failed') throw new Error(said.detail);
      if (said.say === 'end') return undefined;
      const { page } = said;
      return Array.from({ length: page.records }, (_, record) => ({
        text: pieceOf(page, record, 0, values + 1),
        values: Array.from({ length: values }, (_, value) => pieceOf(page, record, value + 1, values + 1)),
      }));
    },
    async rest(): Promise<readonly StreamedRecord[]> {
      const records: StreamedRecord[] = [];
      for (let page = await reader.page(); page !== undefined; page = await reader.page()) records.push(...page);
      return records;
    },
    closed: closing,
    close: () => port.close(),
  };
  return reader;
}
