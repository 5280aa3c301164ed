import { type CodedError, isCodedError } from '@countersign/kernel';

/** The coded error that something is refused with. @throws what else went wrong; Error when it was not refused */
export async function refusalBy(attempt: () => Promise<unknown>): Promise<CodedError> {
  try {
    await attempt();
  } catch (error) {
    if (isCodedError(error)) return error;
    throw error;
  }
  throw new Error('it was let through');
}

/** Code and, of OAuth errors, the rule that refused: `invalid_grant assertion_audience`. */
export async function codeOf(attempt: () => Promise<unknown>): Promise<string> {
  const { code, facts } = await refusalBy(attempt);
  const reason = facts?.['reason'];
  return typeof reason === 'string' ? `${code} ${reason}` : code;
}
