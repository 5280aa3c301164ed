import {
  blockingSignals,
  type Person,
  type PersonSignal,
  type RecoveryFunction,
  recoveryErrors,
} from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { RecoveryState, StoredRecovery } from './store.ts';

export interface Approver {
  readonly person: Person;
  readonly inviters: readonly string[];
  readonly independent: boolean;
  readonly signals: readonly PersonSignal[];
  readonly recovering: boolean;
  readonly locked: boolean;
}

/**
 * The function for which somebody may approve, or the refusal. Approvers must be independent of the person, the opener and each
 * other: an inviter could have enrolled a key of their own.
 */
export function judgeApprover(
  recovery: RecoveryState,
  approver: Approver,
  functions: readonly RecoveryFunction[],
): RecoveryFunction | CodedError {
  const { person, inviters, independent } = approver;
  if (person.institution !== recovery.institution)
    return recoveryErrors.error('recovery_foreign', 'Only people of the same institution approve a recovery.');
  if (person.id === recovery.person)
    return recoveryErrors.error('recovery_self', 'You cannot approve your own recovery.');
  if (person.id === recovery.openedBy)
    return recoveryErrors.error('recovery_same_person', 'You opened this recovery, so another person must approve it.');
  if (recovery.approvals.some(({ by }) => by === person.id))
    return recoveryErrors.error(
      'recovery_same_person',
      'You have already approved it; another person must approve it as well.',
    );
  if (!independent)
    return recoveryErrors.error(
      'recovery_not_independent',
      'You or the other approver invited the other one. Another person must approve it.',
    );
  if (inviters.includes(recovery.person) || (isPerson(recovery.openedBy) && inviters.includes(recovery.openedBy)))
    return recoveryErrors.error(
      'recovery_not_independent',
      'You were invited by the person concerned or by the person who opened it. Another person must approve it.',
    );
  if (isUnsettled(approver))
    return recoveryErrors.error(
      'recovery_approver_unsettled',
      'Your own account is locked, in recovery or under review. Another person must approve it.',
    );
  const mine = functions.filter(({ roles }) => roles.some((role) => person.roles.includes(role)));
  const missing = missingFunctions(recovery);
  const open = mine.find(({ name }) => missing.includes(name));
  if (open !== undefined) return open;
  return recoveryErrors.error(
    'recovery_function',
    mine.length === 0
      ? 'None of your roles approves recoveries.'
      : 'Your function has already approved; the other function must approve as well.',
  );
}

/** Whether an account is locked, in recovery or under a blocking signal. */
export function isUnsettled(options: Pick<Approver, 'locked' | 'recovering' | 'signals'>): boolean {
  const { locked, recovering, signals } = options;
  return locked || recovering || signals.some((signal) => blockingSignals.has(signal));
}

function isPerson(id: string): boolean {
  return id.startsWith('person:');
}

export function missingFunctions(options: Pick<RecoveryState, 'functions' | 'approvals'>): readonly string[] {
  const { functions, approvals } = options;
  return functions.filter((name) => !approvals.some((approval) => approval.function === name));
}

/** @throws CodedError `recovery_decided`, `recovery_expired` */
export function requireWaiting(stored: StoredRecovery, now: number): void {
  if (stored.status !== 'waiting') throw decided(stored);
  requireInTime(stored, now);
}

/** @throws CodedError `recovery_expired` */
export function requireInTime({ expiresAt }: StoredRecovery, now: number): void {
  if (expiresAt <= now) throw recoveryErrors.error('recovery_expired', 'This recovery has expired. Open a new one.');
}

export function unknownRecovery(): CodedError {
  return recoveryErrors.error('recovery_unknown', 'There is no such recovery.');
}

export function decided({ status }: StoredRecovery): CodedError {
  return recoveryErrors.error('recovery_decided', `This recovery is already ${status}.`, { facts: { status } });
}
