import {
  blockingSignals,
  type Person,
  type PersonSignal,
  type RecoveryFunction,
  recoveryErrors,
} from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { RecoveryState, StoredRecovery } from './store.ts';

/** A candidate approver. */
export interface Approver {
  readonly person: Person;
  /** Who invited them to register their keys. */
  readonly inviters: readonly string[];
  /** Whether they are independent of those who have already approved. */
  readonly independent: boolean;
  readonly signals: readonly PersonSignal[];
  /** Whether a recovery is open for themselves. */
  readonly recovering: boolean;
  readonly locked: boolean;
}

/**
 * For which function somebody may approve a recovery, or why they may not. Two approvers are independent when neither is
 * the person, neither has opened it, neither was let in by the person, by a person who opened it or by the other (who let
 * somebody in may have enrolled a key of their own for them), and each speaks for another function. Nobody is asked by name: who may approve follows from roles alone.
 */
export function judgeApprover(
  recovery: RecoveryState,
  approver: Approver,
  functions: readonly RecoveryFunction[],
): RecoveryFunction | CodedError {
  const { person, inviters, independent } = approver;
  if (person.institution !== recovery.institution)
    return recoveryErrors.error('recovery_foreign', 'It is approved by people of its own institution.');
  if (person.id === recovery.person)
    return recoveryErrors.error('recovery_self', 'Nobody approves what is about themselves.');
  if (person.id === recovery.openedBy)
    return recoveryErrors.error('recovery_same_person', 'Who opened it does not approve it.');
  if (recovery.approvals.some(({ by }) => by === person.id))
    return recoveryErrors.error('recovery_same_person', 'You have approved it already; another person has to as well.');
  if (!independent)
    return recoveryErrors.error(
      'recovery_not_independent',
      'You and who has approved it already were let in one by the other: somebody else has to approve it.',
    );
  if (inviters.includes(recovery.person) || (isPerson(recovery.openedBy) && inviters.includes(recovery.openedBy)))
    return recoveryErrors.error(
      'recovery_not_independent',
      'You were let in by the person whom it is about, or by who opened it: somebody else has to approve it.',
    );
  if (isUnsettled(approver))
    return recoveryErrors.error(
      'recovery_approver_unsettled',
      'Something about your own account has to settle first: somebody else has to approve it.',
    );
  const mine = functions.filter(({ roles }) => roles.some((role) => person.roles.includes(role)));
  const missing = missingFunctions(recovery);
  const open = mine.find(({ name }) => missing.includes(name));
  if (open !== undefined) return open;
  return recoveryErrors.error(
    'recovery_function',
    mine.length === 0
      ? 'Your roles are of none of the functions that approve recoveries.'
      : 'Your function has approved already: the other one has to as well.',
  );
}

/** Whether a person's own account is locked, in recovery or under an unsettling signal. */
export function isUnsettled({
  locked,
  recovering,
  signals,
}: Pick<Approver, 'locked' | 'recovering' | 'signals'>): boolean {
  return locked || recovering || signals.some((signal) => blockingSignals.has(signal));
}

function isPerson(id: string): boolean {
  return id.startsWith('person:');
}

/** Names of the functions that have not approved yet. */
export function missingFunctions({
  functions,
  approvals,
}: Pick<RecoveryState, 'functions' | 'approvals'>): readonly string[] {
  return functions.filter((name) => !approvals.some((approval) => approval.function === name));
}

/** @throws CodedError `recovery_decided`, `recovery_expired` */
export function requireWaiting(stored: StoredRecovery, now: number): void {
  if (stored.status !== 'waiting') throw decided(stored);
  requireInTime(stored, now);
}

/** @throws CodedError `recovery_expired` */
export function requireInTime({ expiresAt }: StoredRecovery, now: number): void {
  if (expiresAt <= now)
    throw recoveryErrors.error('recovery_expired', 'It was not through in time; it has to be opened again.');
}

export function unknownRecovery(): CodedError {
  return recoveryErrors.error('recovery_unknown', 'There is no such recovery.');
}

export function decided({ status }: StoredRecovery): CodedError {
  return recoveryErrors.error('recovery_decided', `It is ${status} already.`, { facts: { status } });
}
