import { auditLogErrors, standingErrors } from '@countersign/contracts';

/** How often work is started because a row had to be written first. */
const maxAttempts = 4;

/** A row is behind its newest record: a process died between the record and the commit. */
export class Behind extends Error {
  readonly settle: () => Promise<void>;
  /** Reports the difference when writing the row did not help; may throw CodedError `authority_unproven`. */
  readonly report: () => Promise<unknown>;

  constructor(settle: () => Promise<void>, report: () => Promise<unknown> = async () => undefined) {
    super('a row is behind its newest record');
    this.settle = settle;
    this.report = report;
  }
}

/**
 * Runs `work`, and runs it again after writing a row that was behind its record.
 *
 * @param work throws {@link Behind}
 * @param afterTaken runs before the next attempt when another process wrote the record and may have ended before writing its row;
 *   left out when `work` writes no records with derived ids
 * @throws CodedError `authority_unproven` when the row stays behind; errors of `work`
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
          throw standingErrors.error(
            'authority_unproven',
            'The stored state differs from the audit log and cannot be repaired. Ask the operator to compare the records of type row.rejected.',
          );
        }
        await error.settle();
      } else {
        if (isLast || afterTaken === undefined || !auditLogErrors.is(error, 'record_identity_taken')) throw error;
        await afterTaken();
      }
    }
  }
}
