import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';

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

/** A failure becomes `log_unavailable`; errors about the request and the log's own errors pass unchanged. */
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
