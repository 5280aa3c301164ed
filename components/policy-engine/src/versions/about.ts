import { policyErrors } from '@countersign/contracts';
import { visibleLine } from '@countersign/kernel';

/** Printable and short, because it appears in records and on terminals. */
const changeRequestPattern = /^[\x21-\x7e]{1,128}$/;

/**
 * Checks the change request and the reason of a policy change.
 *
 * @throws CodedError `policy_invalid`
 */
export function readAbout({ changeRequest, reason }: { readonly changeRequest: string; readonly reason: string }): {
  readonly changeRequest: string;
  readonly reason: string;
} {
  if (!changeRequestPattern.test(changeRequest))
    throw policyErrors.error(
      'policy_invalid',
      'The change request must have 1 to 128 printable characters without spaces.',
    );
  return { changeRequest, reason: readReason(reason) };
}

/** @throws CodedError `policy_invalid` */
export function readReason(text: string): string {
  const reason = visibleLine(text, 400);
  if (reason === undefined)
    throw policyErrors.error('policy_invalid', 'The reason must be one line of 1 to 400 characters.');
  return reason;
}
