import type { Recovery, RecoveryFunction } from '@countersign/contracts';
import { type Digest, digestOf, toInstant } from '@countersign/kernel';
import type { StoredRecovery } from './store.ts';

/** What approvers sign, beside whose recovery it is: nothing of it can be changed afterwards. */
export function recoveryDigest(about: {
  readonly person: string;
  readonly reason: string;
  readonly evidence: readonly string[];
}): Digest {
  return digestOf({ person: about.person, reason: about.reason, evidence: about.evidence });
}

/** The functions that have not approved yet. */
export function missingFunctions(
  recovery: Pick<StoredRecovery, 'approvals'>,
  functions: readonly RecoveryFunction[],
): readonly RecoveryFunction[] {
  return functions.filter(({ name }) => !recovery.approvals.some((approval) => approval.function === name));
}

/** As others see it. */
export function shown(stored: StoredRecovery, functions: readonly RecoveryFunction[]): Recovery {
  const { id, person, institution, status, openedBy, reason, evidence, digest, approvals, recordId } = stored;
  return {
    id,
    person,
    institution,
    status,
    openedBy,
    openedAt: toInstant(stored.openedAt),
    expiresAt: toInstant(stored.expiresAt),
    reason,
    evidence,
    digest,
    approvals,
    missing: missingFunctions(stored, functions).map(({ name }) => name),
    ...(stored.coolingOffUntil === undefined ? {} : { coolingOffUntil: toInstant(stored.coolingOffUntil) }),
    recordId,
  };
}
