import type { Json } from '@countersign/kernel';
import { type Gap, type StreamPlace, statementOf, withoutNumbers } from './stream-statements.ts';
import { type LogFault, logFault } from './whole-log.ts';

interface Counted {
  readonly last: number;
  /** How many bodies were absent when its last record was seen. */
  readonly absentBefore: number;
  /** Each with the number of absent bodies before it. */
  readonly gaps: readonly Gap<number>[];
}

/**
 * Counts the numbers of every stream, record by record. A process says in its beats up to which number everything has
 * come to an end, and which numbers came to nothing: what is neither there nor named is lost. Where bodies are absent
 * between a gap and the beat that settles it, the number or its naming may be among them, and nothing can be said.
 */
export function createStreamCount() {
  const streams = new Map<string, Counted>();

  return {
    /** @param absent bodies that were absent so far */
    add(
      index: bigint,
      { stream, number }: StreamPlace,
      statement: Json | undefined,
      absent: number,
    ): LogFault | undefined {
      const before = streams.get(stream) ?? { last: 0, absentBefore: 0, gaps: [] };
      if (number <= before.last)
        return logFault(
          'number_repeated',
          `Entry ${index} is number ${number} of ${stream}, which has had ${before.last} already.`,
          index,
        );
      const gap: Gap<number>[] = number > before.last + 1 ? [[before.last + 1, number - 1, before.absentBefore]] : [];
      let gaps: readonly Gap<number>[] = [...before.gaps, ...gap];
      const said = statement === undefined ? undefined : statementOf(statement);
      if (said !== undefined && said.type !== 'source.opened') {
        const { upTo, voids } = said;
        const lost = withoutNumbers(gaps, voids).find(
          ([first, , absentThen]) => first <= upTo && absentThen === absent,
        );
        if (lost !== undefined)
          return logFault(
            'number_missing',
            `No entry before ${index} is number ${lost[0]} of ${stream}, and nothing says that it came to nothing.`,
            index,
          );
        gaps = withoutNumbers(gaps, [...voids, [1, upTo]]);
      }
      if (said?.type === 'source.closed') streams.delete(stream);
      else streams.set(stream, { last: number, absentBefore: absent, gaps });
      return undefined;
    },

    /** Numbers that a beat has yet to settle, and streams that were not closed. */
    unsettled(): { readonly numbers: number; readonly streams: number } {
      const numbers = [...streams.values()].flatMap(({ gaps }) => gaps.map(([first, last]) => last - first + 1));
      return { numbers: numbers.reduce((sum, count) => sum + count, 0), streams: streams.size };
    },
  };
}
