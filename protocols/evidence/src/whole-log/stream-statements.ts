import { type Json, membersOf } from '@countersign/kernel';

/** Numbers from the first to the last, both included. */
export type NumberRange = readonly [first: number, last: number];

/** Which process wrote a record, and as which of its records. */
export interface StreamPlace {
  readonly stream: string;
  readonly number: number;
}

const head = /^\{"v":2,"time":"[^"]{24}","stream":"(src_[0-9a-z]{26})","number":([1-9]\d{0,14}),/;

/** Stream and number of a record, from its first 128 characters; undefined for one that was not numbered. */
export function streamPlaceOf(text: string): StreamPlace | undefined {
  const [, stream, number] = head.exec(text) ?? [];
  return stream === undefined ? undefined : { stream, number: Number(number) };
}

/** What a process says of its stream. */
export type StreamStatement =
  | { readonly type: 'source.opened'; readonly node: string; readonly beatMs: number }
  | { readonly type: 'source.beat' | 'source.closed' };

/** Types of the records that say something of their stream. */
export const statementTypes: readonly string[] = ['source.opened', 'source.beat', 'source.closed'];

/** What a record says of its stream; undefined when it says nothing that can be understood. */
export function statementOf(json: Json): StreamStatement | undefined {
  const record = membersOf(json);
  if (record === undefined || record['source'] !== 'audit-log') return undefined;
  switch (record['type']) {
    case 'source.opened': {
      const { node, beat_every_ms: beatMs } = membersOf(record['data']) ?? {};
      return typeof node === 'string' && typeof beatMs === 'number' && beatMs >= 0
        ? { type: 'source.opened', node, beatMs }
        : undefined;
    }
    case 'source.beat':
    case 'source.closed':
      return { type: record['type'] };
    default:
      return undefined;
  }
}
