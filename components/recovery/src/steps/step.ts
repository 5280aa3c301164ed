import type { Command, Given } from '@countersign/commands';
import type { RecoveryStatus } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import type { RecoverySettings } from '../config.ts';
import type { RecoveryDependencies } from '../dependencies.ts';
import { unknownRecovery } from '../judge-approver.ts';
import type { People } from '../people.ts';
import type { RecordedRecovery } from '../recorded-recovery.ts';
import type { RecoveryState, StoredRecovery } from '../store.ts';

/** What the steps work with. */
export interface StepParts
  extends Pick<RecoveryDependencies, 'register' | 'signals' | 'installation' | 'clock' | 'random'> {
  readonly kind: RecordedRecovery;
  readonly people: People;
  readonly settings: RecoverySettings;
}

/** Of a step that looks at nothing but the recovery, tells nobody before, or has nothing to follow up. */
export const nothing = async (): Promise<undefined> => undefined;

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
