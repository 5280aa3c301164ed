import type { Json } from '@countersign/kernel';
import { type StreamPlace, statementOf } from './stream-statements.ts';
import { type LogFault, logFault } from './whole-log.ts';

interface Counted {
  readonly last: number;
  /** Absent bodies when its last record was seen. */
  readonly absentBefore: number;
}

/** A missing number means that a record was removed, unless bodies are absent in between. */
export function createStreamCount() {
  const streams = new Map<string, Counted>();

  return {
    /** @param absent bodies absent so far */
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

    open: () => streams.size,
  };
}
