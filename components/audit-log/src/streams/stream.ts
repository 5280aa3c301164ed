import type { RecordId, StreamId } from '@countersign/kernel';
import type { Origin } from '../record-json.ts';

/**
 * Numbers records within the statement that inserts them, so that a missing number proves that a record was removed.
 */
export interface Stream {
  readonly id: StreamId;
  readonly last: number;
  originOf(number: number): Origin;
  advanceTo(last: number): void;
}

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
