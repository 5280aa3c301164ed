import type { Command, Given } from '@countersign/commands';
import { type RecoveryStatus, recoveryErrors } from '@countersign/contracts';
import type { CodedError, RecoveryId } from '@countersign/kernel';
import type { RecoveryState, StoredRecovery } from '../store.ts';

/** A step of a recovery: what it asks names the recovery, and what it answers is how that stands then. */
export type Step<Ask extends { readonly id: RecoveryId }, Facts = undefined, Answer = RecoveryStatus> = Command<
  Ask,
  RecoveryId,
  RecoveryState,
  StoredRecovery,
  Facts,
  Answer
>;
export type About<Ask, Facts = undefined> = Given<Ask, StoredRecovery, Facts>;

/** The recovery that there is. @throws CodedError `recovery_unknown` */
export function known({ row }: { readonly row: StoredRecovery | undefined }): StoredRecovery {
  if (row === undefined) throw unknownRecovery();
  return row;
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
