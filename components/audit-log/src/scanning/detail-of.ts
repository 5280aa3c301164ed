import { isCodedError } from '@countersign/kernel';

/** For the log of the process. */
export function detailOf(error: unknown): string {
  if (isCodedError(error)) return error.internal ?? error.code;
  // Of several addresses that could not be reached, the driver's error says nothing itself.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(detailOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
