import type { RecordId, StreamId } from '@countersign/kernel';
import type { Origin } from '../record-json.ts';

/**
 * The numbers of what one process records. A number is given together with the place, in the statement that inserts the
 * record: whenever the process is killed, every number up to the last has its record, and a number without one shows that
 * a record was taken out.
 */
export interface Stream {
  readonly id: StreamId;
  /** The highest number that a record of the log has. */
  readonly last: number;
  /** What the record with this number says of its origin. */
  originOf(number: number): Origin;
  /** The records up to this number are in the log. */
  advanceTo(last: number): void;
}

/** @param clock the newest measurement of this process's clock */
export function createStream(dependencies: {
  readonly id: StreamId;
  readonly clock: () => RecordId | undefined;
}): Stream {
  const { id, clock } = dependencies;
  let last = 0;
  return {
    id,
    get last() {
      return last;
    },
    originOf: (number) => ({ stream: id, number, clock: clock() }),
    advanceTo(number) {
      last = number;
    },
  };
}
