import { type CodedError, isCodedError } from '@countersign/kernel';

/** The coded error of a refusal. @throws other errors; Error when it was not refused */
export async function refusalBy(attempt: () => Promise<unknown>): Promise<CodedError> {
  try {
    await attempt();
  } catch (error) {
    if (isCodedError(error)) return error;
    throw error;
  }
  throw new Error('it was let through');
}

/** The code and, for OAuth errors, the violated rule: `invalid_grant assertion_audience`. */
export async function codeOf(attempt: () => Promise<unknown>): Promise<string> {
  const { code, facts } = await refusalBy(attempt);
  const reason = facts?.['reason'];
  return typeof reason === 'string' ? `${code} ${reason}` : code;
}
