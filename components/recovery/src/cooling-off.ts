import { toInstant } from '@countersign/kernel';
import type { RecoverySettings } from './config.ts';
import type { RecoveryDependencies } from './dependencies.ts';
import type { RecoveryState } from './store.ts';

type Parts = Pick<RecoveryDependencies, 'signals' | 'clock'> & { readonly settings: RecoverySettings };

/** From now until well after the last moment at which the person can enrol; the enrolment makes it exact. */
export async function coolOff(
  { signals, clock, settings }: Parts,
  { person, expiresAt }: RecoveryState,
): Promise<void> {
  await signals.raise({
    person,
    name: 'recovery-cooling-off',
    until: toInstant(Math.max(expiresAt, clock.now() + 3_600_000) + settings.coolingOffMs),
    why: 'a lost factor is being replaced',
  });
}
