import { type Json, membersOf } from '@countersign/kernel';

/** Both included. */
export type NumberRange = readonly [first: number, last: number];

export interface StreamPlace {
  readonly stream: string;
  readonly number: number;
}

const head = /^\{"v":2,"time":"[^"]{24}","stream":"(src_[0-9a-z]{26})","number":([1-9]\d{0,14}),/;

/** From the first 128 characters; undefined for a record without a number. */
export function streamPlaceOf(text: string): StreamPlace | undefined {
  const [, stream, number] = head.exec(text) ?? [];
  return stream === undefined ? undefined : { stream, number: Number(number) };
}

export type StreamStatement =
  | { readonly type: 'source.opened'; readonly node: string; readonly beatMs: number }
  | { readonly type: 'source.beat' | 'source.closed' };

export const statementTypes: readonly string[] = ['source.opened', 'source.beat', 'source.closed'];

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
