import { MessageChannel } from 'node:worker_threads';
import {
  createPageSource,
  type FromRecordStream,
  type RecordPage,
  type RecordStream,
  type RecordStreamer,
} from '@countersign/contracts';

/** What a stream of the log has given. */
export interface KeptPages {
  readonly pages: readonly RecordPage[];
  readonly records: number;
}

/** So many records of the log, or one page more, kept in memory as a stream gives them. */
export async function keptPages(
  log: RecordStreamer,
  query: Parameters<RecordStreamer['stream']>[0],
  atLeast: number,
): Promise<KeptPages> {
  const stream = await log.stream(query);
  const pages: RecordPage[] = [];
  let records = 0;
  try {
    const source = createPageSource(stream.port);
    while (records < atLeast) {
      const page = await source.next();
      if (page === undefined) break;
      pages.push(page);
      records += page.records;
    }
  } finally {
    await stream.stop();
  }
  if (records === 0) throw new Error('the log has given nothing');
  return { pages, records };
}

/** The same pages, round and round, until there have been so many records: the reading of the log costs nothing. */
export function handedRound({ pages }: KeptPages, atLeast: number): RecordStreamer {
  return {
    async stream(): Promise<RecordStream> {
      const { port1: port, port2: own } = new MessageChannel();
      let given = 0;
      let turn = 0;
      own.on('message', () => {
        const page = pages[turn++ % pages.length];
        const said: FromRecordStream =
          page === undefined || given >= atLeast ? { say: 'end' } : { say: 'page', page: copyOf(page) };
        if (said.say === 'page') given += said.page.records;
        own.postMessage(said, said.say === 'page' ? [said.page.bytes.buffer, said.page.ends.buffer] : []);
      });
      return {
        port,
        async stop() {
          own.close();
        },
      };
    },
  };
}

function copyOf({ records, bytes, ends }: RecordPage): RecordPage {
  return { records, bytes: bytes.slice(), ends: ends.slice() };
}
