import { standingErrors } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';

/** How often something is begun anew because a row had to be written first. */
const maxAttempts = 4;

/** A row is behind its newest record: a process died between the record and the commit. */
export class Behind extends Error {
  /** Writes the row. */
  readonly settle: () => Promise<void>;
  /** Reports what does not agree, where writing the row changed nothing; may throw CodedError `authority_unproven`. */
  readonly report: () => Promise<unknown>;

  constructor(settle: () => Promise<void>, report: () => Promise<unknown> = async () => undefined) {
    super('a row is behind its newest record');
    this.settle = settle;
    this.report = report;
  }
}

/**
 * Does what a row may be too far behind for, and does it anew once that is written.
 *
 * @param work throws {@link Behind}
 * @param afterTaken what comes first where somebody else made the record, who may have died before its row; left out where `work` makes
 *   none whose id follows from another
 * @throws CodedError `authority_unproven` where the row stays behind, and what `work` throws
 */
export async function onceSettled<Result>(
  work: (completed: boolean) => Promise<Result>,
  afterTaken?: () => Promise<void>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt > 1);
    } catch (error) {
      const isLast = attempt >= maxAttempts;
      if (error instanceof Behind) {
        if (isLast) {
          await error.report();
          throw standingErrors.error('authority_unproven', 'What is stored cannot be brought to what was recorded.');
        }
        await error.settle();
      } else {
        if (isLast || afterTaken === undefined || !isCodedError(error, 'record_identity_taken')) throw error;
        await afterTaken();
      }
    }
  }
}
