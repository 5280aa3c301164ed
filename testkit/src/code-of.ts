import { isCodedError } from '@countersign/kernel';

/** The code with which something is refused. What fails without one is thrown on: that is our bug, and no refusal. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
  return 'nothing was refused';
}
