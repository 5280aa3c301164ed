import { type Recovery, recoveryErrors } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { missingFunctions } from './judge-approver.ts';
import type { StoredRecovery } from './store.ts';

const longestReason = 400;
const longestReference = 200;
const maxReferences = 10;

/** Plain text for people; it is recorded. @throws CodedError `recovery_malformed` */
export function readReason(text: string): string {
  if (isPlain(text, longestReason)) return text.trim();
  throw recoveryErrors.error('recovery_malformed', `A reason is plain text of 1 to ${longestReason} characters.`, {
    facts: { field: 'reason' },
  });
}

/** References to what proved who somebody is. @throws CodedError `recovery_malformed` */
export function readEvidence(references: readonly string[]): readonly string[] {
  if (
    references.length === 0 ||
    references.length > maxReferences ||
    !references.every((each) => isPlain(each, longestReference))
  )
    throw recoveryErrors.error(
      'recovery_malformed',
      `Name what proved who the person is: 1 to ${maxReferences} references of 1 to ${longestReference} characters.`,
    );
  return references.map((each) => each.trim());
}

function isPlain(text: string, longest: number): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const plain = text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
  return plain && text.trim() !== '' && text.length <= longest;
}

export function shown(stored: StoredRecovery): Recovery {
  const { id, person, institution, status, openedBy, reason, evidence, digest, approvals, recordId } = stored;
  return {
    ...{ id, person, institution, status, openedBy, reason, evidence, digest, approvals, recordId },
    openedAt: toInstant(stored.openedAt),
    expiresAt: toInstant(stored.expiresAt),
    missing: missingFunctions(stored),
    ...(stored.coolingOffUntil === undefined ? {} : { coolingOffUntil: toInstant(stored.coolingOffUntil) }),
  };
}
