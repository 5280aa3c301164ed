import type { Recovery } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { RecoveryState, StoredRecovery } from './store.ts';

/** Names of the functions that have not approved yet. */
export function missingFunctions({
  functions,
  approvals,
}: Pick<RecoveryState, 'functions' | 'approvals'>): readonly string[] {
  return functions.filter((name) => !approvals.some((approval) => approval.function === name));
}

/** As others see it. */
export function shown(stored: StoredRecovery): Recovery {
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
    missing: missingFunctions(stored),
    ...(stored.coolingOffUntil === undefined ? {} : { coolingOffUntil: toInstant(stored.coolingOffUntil) }),
    recordId,
  };
}
