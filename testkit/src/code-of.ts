import { isCodedError } from '@countersign/kernel';

/** The code of a refusal. An error without a code is rethrown, because it is a bug. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
  return 'nothing was refused';
}
