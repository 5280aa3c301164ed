import type { Command, Given } from '@countersign/commands';
import type { RecoveryStatus } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import type { RecoverySettings } from '../config.ts';
import type { RecoveryDependencies } from '../dependencies.ts';
import { unknownRecovery } from '../judge-approver.ts';
import type { People } from '../people.ts';
import type { RecordedRecovery } from '../recorded-recovery.ts';
import type { RecoveryState, StoredRecovery } from '../store.ts';

export interface StepParts
  extends Pick<RecoveryDependencies, 'register' | 'signals' | 'installation' | 'clock' | 'random'> {
  readonly kind: RecordedRecovery;
  readonly people: People;
  readonly settings: RecoverySettings;
}

const nothing = async (): Promise<undefined> => undefined;

export type Step<Ask extends { readonly id: RecoveryId }, Facts = undefined, Answer = RecoveryStatus> = Command<
  Ask,
  RecoveryId,
  RecoveryState,
  StoredRecovery,
  Facts,
  Answer
>;
export type About<Ask, Facts = undefined> = Given<Ask, StoredRecovery, Facts>;

/** @throws CodedError `recovery_unknown` */
export function known({ row }: { readonly row: StoredRecovery | undefined }): StoredRecovery {
  if (row === undefined) throw unknownRecovery();
  return row;
}

/** The members that most steps have in common; without a recovery they refuse. */
export const commonMembers = {
  about: ({ id }: { readonly id: RecoveryId }) => id,
  facts: nothing,
  done: () => undefined,
  async check(given: { readonly row: StoredRecovery | undefined }): Promise<void> {
    known(given);
  },
  before: nothing,
  ends: () => false,
  refused: () => undefined,
  after: nothing,
  release: ({ status }: RecoveryState): RecoveryStatus => status,
} as const;
