import type { Json } from '@countersign/kernel';
import { type StreamPlace, statementOf } from './stream-statements.ts';
import { type LogFault, logFault } from './whole-log.ts';

interface Counted {
  readonly last: number;
  /** How many bodies were absent when its last record was seen. */
  readonly absentBefore: number;
}

/**
 * Counts the numbers of every stream, record by record. Within a stream they follow each other: one that is left out was
 * taken from the log. Where bodies are absent in between, the number may be theirs, and nothing can be said.
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
      const { last, absentBefore } = streams.get(stream) ?? { last: 0, absentBefore: 0 };
      if (number <= last)
        return logFault(
          'number_repeated',
          `Entry ${index} is number ${number} of ${stream}, which has had ${last} already.`,
          index,
        );
      if (number > last + 1 && absent === absentBefore)
        return logFault('number_missing', `No entry before ${index} is number ${last + 1} of ${stream}.`, index);
      if (statement !== undefined && statementOf(statement)?.type === 'source.closed') streams.delete(stream);
      else streams.set(stream, { last: number, absentBefore: absent });
      return undefined;
    },

    /** Streams that were not closed. */
    open: () => streams.size,
  };
}
