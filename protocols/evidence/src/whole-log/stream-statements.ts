import { type Json, listOf, membersOf } from '@countersign/kernel';

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
  | {
      readonly type: 'source.beat' | 'source.closed';
      /** Every number up to this one is a record of the log before this one, or void. */
      readonly upTo: number;
      readonly voids: readonly NumberRange[];
    };

/** Types of the records that say something of their stream. */
export const statementTypes: readonly string[] = ['source.opened', 'source.beat', 'source.closed'];

/** What a record says of its stream; undefined when it says nothing that can be understood. */
export function statementOf(json: Json): StreamStatement | undefined {
  const record = membersOf(json);
  const data = membersOf(record?.['data']);
  if (record === undefined || data === undefined || record['source'] !== 'audit-log') return undefined;
  switch (record['type']) {
    case 'source.opened': {
      const { node, beat_every_ms: beatMs } = data;
      return typeof node === 'string' && typeof beatMs === 'number' && beatMs >= 0
        ? { type: 'source.opened', node, beatMs }
        : undefined;
    }
    case 'source.beat':
    case 'source.closed': {
      const voids = listOf(data['void'], rangeOf);
      const upTo = numberOf(data['up_to']);
      return voids === undefined || upTo === undefined ? undefined : { type: record['type'], upTo, voids };
    }
    default:
      return undefined;
  }
}

function rangeOf(item: Json): NumberRange | undefined {
  const numbers = listOf(item, numberOf);
  const [first, last] = numbers ?? [];
  return numbers?.length !== 2 || first === undefined || last === undefined || last < first ? undefined : [first, last];
}

function numberOf(item: Json | undefined): number | undefined {
  return typeof item === 'number' && Number.isSafeInteger(item) && item >= 0 ? item : undefined;
}

/** A stretch of numbers that no record has, with whatever is known of it. */
export type Gap<Note> = readonly [first: number, last: number, note: Note];

/** What is left of gaps when some numbers are explained. */
export function withoutNumbers<Note>(
  gaps: readonly Gap<Note>[],
  explained: readonly NumberRange[],
): readonly Gap<Note>[] {
  let rest = gaps;
  for (const [from, to] of explained)
    rest = rest.flatMap(([first, last, note]): Gap<Note>[] => {
      if (to < first || from > last) return [[first, last, note]];
      return [
        ...(first < from ? [[first, from - 1, note] as const] : []),
        ...(to < last ? [[to + 1, last, note] as const] : []),
      ];
    });
  return rest;
}
