import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';

/** The log's own answer: whoever gets it has no record and must release nothing. */
export function logUnavailable(cause: unknown): CodedError {
  return auditLogErrors.error(
    'log_unavailable',
    'The audit log cannot take or show records now. Nothing was released; try again shortly.',
    {
      cause,
      internal: isCodedError(cause)
        ? (cause.internal ?? cause.code)
        : cause instanceof Error
          ? cause.message
          : String(cause),
    },
  );
}

/**
 * Runs a question to the database. Whatever stops it makes the log unavailable; the log's own answers pass, and so
 * does what is wrong with the question itself.
 */
export async function available<Result>(question: () => Promise<Result>): Promise<Result> {
  try {
    return await question();
  } catch (error) {
    throw isAnswer(error) ? error : logUnavailable(error);
  }
}

function isAnswer(error: unknown): boolean {
  return isCodedError(error) && (error.category !== 'unavailable' || Object.hasOwn(auditLogErrors.codes, error.code));
}
