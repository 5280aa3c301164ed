import { isCodedError } from '@countersign/kernel';

/** How often something is begun anew because a row had to be written first. */
const maxAttempts = 4;

/** A row is behind its newest record: a process died between the record and the commit. */
export class Behind extends Error {
  /** Writes the row. */
  readonly settle: () => Promise<void>;
  /** Reports what does not agree: called where writing the row changed nothing. @throws CodedError `authority_unproven` */
  readonly unproven: () => Promise<unknown>;

  constructor(settle: () => Promise<void>, unproven: () => Promise<unknown>) {
    super('a row is behind its newest record');
    this.settle = settle;
    this.unproven = unproven;
  }
}

/**
 * Does `work`, and again from its beginning once what is behind its record has been written.
 *
 * @param afterTaken what comes first where the record was made by another process: it may have died before its row
 * @throws what `work` throws; CodedError `authority_unproven` where writing does not help
 */
export async function untilSettled<Result>(
  work: (completed: boolean) => Promise<Result>,
  afterTaken: () => Promise<void> = async () => undefined,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt > 1);
    } catch (error) {
      const isBehind = error instanceof Behind;
      if (!isBehind && !isCodedError(error, 'record_identity_taken')) throw error;
      if (attempt >= maxAttempts) {
        if (isBehind) await error.unproven();
        throw error;
      }
      await (isBehind ? error.settle() : afterTaken());
    }
  }
}
