import { parseInstant } from '@countersign/kernel';
import type { AwaitedApprovals } from '../store/awaiting.ts';
import type { StoredTransaction } from '../store.ts';
import { approvingSteps } from './approving-steps.ts';
import { type Wanted, wantedByRule } from './wanted.ts';

type Subject = Pick<StoredTransaction, 'detail' | 'state' | 'initiatorInstitution'>;

/** Names people of one role at one institution: what transactions that wait for them are found by. */
export function awaitedKey({ role, institution }: Pick<Wanted, 'role' | 'institution'>): string {
  return `${role}@${institution}`;
}

/** The approvals that are wanted, as they are kept with the transaction; null for none. */
export function awaitedApprovals(
  transaction: Pick<Subject, 'detail' | 'state'>,
  wanted: readonly Pick<Wanted, 'role' | 'institution'>[],
): AwaitedApprovals | null {
  if (wanted.length === 0) return null;
  const until = parseInstant(transaction.detail.not_after) ?? null;
  const inTime = approvingSteps(transaction).every(({ rule }) => rule.inTime === true);
  return { keys: [...new Set(wanted.map(awaitedKey))].sort(), until: inTime ? until : null };
}

/** What the steps that may come next want by their own rules: it costs no question to anybody. */
export function awaitedByRule(transaction: Subject): AwaitedApprovals | null {
  const wanted = approvingSteps(transaction).flatMap(({ rule }) => wantedByRule(rule, transaction));
  return awaitedApprovals(transaction, wanted);
}
