import type { RecoverySettings } from '../config.ts';
import type { RecoveryDependencies } from '../dependencies.ts';
import type { People } from '../people.ts';
import type { RecordedRecovery } from '../recorded-recovery.ts';

/** What the steps work with. */
export interface StepParts
  extends Pick<RecoveryDependencies, 'register' | 'signals' | 'installation' | 'clock' | 'random'> {
  readonly kind: RecordedRecovery;
  readonly people: People;
  readonly settings: RecoverySettings;
}

/** Of a step that looks at nothing but the recovery, tells nobody before, or has nothing to follow up. */
export const nothing = async (): Promise<undefined> => undefined;
