import type { DirectorySnapshot, TransactionFacts } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { intentOf } from '@countersign/market';
import type { StoredApproval, StoredTransaction } from './store.ts';

/** The intent as plain JSON: what is recorded, digested and shown to the policies. */
export function intentJson({ detail }: Pick<StoredTransaction, 'detail'>): Readonly<Record<string, Json>> {
  // A parsed detail is JSON by its schema; its type names members where JSON's has an index.
  return intentOf(detail) as unknown as Readonly<Record<string, Json>>;
}

/**
 * The approvals that stand now: not expired, and given by a person who would be taken at their word today. A
 * leaver's approval, or one by a key that was withdrawn, falls with the person or the key.
 */
export function standingApprovals(
  transaction: StoredTransaction,
  approvals: readonly StoredApproval[],
  directory: DirectorySnapshot,
  now: number,
): readonly StoredApproval[] {
  return approvals.filter((approval) => {
    const person = directory.principal(approval.approver);
    return (
      approval.intentDigest === transaction.intentDigest &&
      Date.parse(approval.expiresAt) > now &&
      directory.credential(approval.kid)?.principal === approval.approver &&
      person?.institution === approval.institution &&
      person.roles.includes(approval.role)
    );
  });
}

/** @param approvals those that stand */
export function factsOf(transaction: StoredTransaction, approvals: readonly StoredApproval[]): TransactionFacts {
  const { id, state, version, detail, intentDigest, initiator, initiatorInstitution, mandate } = transaction;
  return {
    id,
    state,
    version,
    intentType: detail.type,
    intent: intentJson(transaction),
    intentDigest,
    initiator,
    initiatorInstitution,
    mandate: { id: mandate.id, version: mandate.version },
    approvals: approvals.map(({ approver, role, institution }) => ({ approver, role, institution })),
  };
}

/**
 * Every institution that may know of the transaction: who began it, for whom, and the parties that an order lists.
 * Other firms that an intent names (who is asked for a quote, who receives a settlement) have no part in it yet and
 * would see more than is theirs, its limits among it.
 */
export function partiesOf({
  detail,
  initiatorInstitution,
}: Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>): readonly string[] {
  const listed = 'parties' in detail ? detail.parties.map(({ lei }) => lei) : [];
  return [...new Set([initiatorInstitution, detail.entity_lei, ...listed])];
}
