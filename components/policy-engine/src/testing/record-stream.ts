import { MessageChannel } from 'node:worker_threads';
import {
  type Commitment,
  type EvidenceRecord,
  type FromRecordStream,
  type RecordPage,
  type RecordStream,
  readPointer,
  removeValue,
} from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { decisionValues } from '../history/recorded.ts';

/** A record as the log streams it, with the values stored beside it. */
interface Streamed {
  readonly text: string;
  /** In the order in which they were requested; empty where there is none. */
  readonly values: readonly string[];
}

const commitment: Commitment = {
  kind: 'strategy',
  key: 'key_x',
  commitment: 'A'.repeat(43),
  ciphertext: 'B'.repeat(43),
};

/**
 * A record in the log whose decision was protected, with its members in log order. @param erased the values cannot be read
 * any more @param paths of the requested values
 */
export function streamed(record: EvidenceRecord, erased = false, paths: readonly string[] = decisionValues): Streamed {
  let open = record as unknown as Readonly<Record<string, unknown>>;
  const values = paths.map((path) => {
    const names = readPointer(path) ?? [];
    const value = names.reduce<unknown>(
      (at, name) => (at as Readonly<Record<string, unknown>> | undefined)?.[name],
      open,
    );
    // As in `protectedDecision`: an empty list stays in the open.
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
    open = removeValue(open, names);
    return { path, value: value as Json };
  });
  const kept = values.filter((value) => value !== undefined);
  const commitments = Object.fromEntries(kept.map(({ path }) => [path, commitment]));
  return {
    text: JSON.stringify(kept.length === 0 ? open : { ...open, protected: commitments }),
    values: values.map((value) => (value === undefined || erased ? '' : JSON.stringify(value.value))),
  };
}

export function pageOf(records: readonly Streamed[]): RecordPage {
  const texts = records.flatMap(({ text, values }) => [text, ...values]).map((text) => Buffer.from(text));
  let end = 0;
  return {
    records: records.length,
    bytes: Uint8Array.from(Buffer.concat(texts)),
    ends: Uint32Array.from(texts, ({ length }) => (end += length)),
  };
}

const pageSize = 500;

/** A stream like that of the log, in this thread. @param read reads records after the given position, at most `limit` */
export function recordStreamOf(read: (behind: number, limit: number) => Promise<readonly Streamed[]>): RecordStream {
  const { port1: port, port2: own } = new MessageChannel();
  let behind = 0;
  const answer = async (): Promise<FromRecordStream> => {
    try {
      const records = await read(behind, pageSize);
      behind += records.length;
      return records.length === 0 ? { say: 'end' } : { say: 'page', page: pageOf(records) };
    } catch (error) {
      return { say: 'failed', detail: String(error) };
    }
  };
  let last: Promise<void> = Promise.resolve();
  own.on('message', () => {
    last = last.then(async () => own.postMessage(await answer()));
  });
  own.unref();
  return {
    port,
    async stop() {
      own.close();
    },
  };
}
