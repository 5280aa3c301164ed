import { policyErrors } from '@countersign/contracts';
import { visibleLine } from '@countersign/kernel';

/** Printable and short: both go into records and onto terminals. */
const changeRequestPattern = /^[\x21-\x7e]{1,128}$/;

/**
 * Reads why the policies are to change.
 *
 * @throws CodedError `policy_invalid`
 */
export function readAbout({ changeRequest, reason }: { readonly changeRequest: string; readonly reason: string }): {
  readonly changeRequest: string;
  readonly reason: string;
} {
  if (!changeRequestPattern.test(changeRequest))
    throw policyErrors.error('policy_invalid', 'A change request is named by 1 to 128 printable characters.');
  return { changeRequest, reason: readReason(reason) };
}

/** @throws CodedError `policy_invalid` */
export function readReason(text: string): string {
  const reason = visibleLine(text, 400);
  if (reason === undefined) throw policyErrors.error('policy_invalid', 'A reason is one line of 1 to 400 characters.');
  return reason;
}
