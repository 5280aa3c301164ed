import type { Authenticator, AuthenticatorRegister, PrincipalId, RecoveryStatus } from '@countersign/contracts';
import { type RecoveryId, toInstant } from '@countersign/kernel';
import type { RecoverySettings } from '../config.ts';
import type { RecoveryDependencies } from '../dependencies.ts';
import { completed, credentialsEnded, expired } from '../records.ts';
import { isSettled, type RecoveryState, type StoredRecovery } from '../store.ts';
import { known, nothing, type Step, type StepParts } from './step.ts';

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

// What follows by itself. Several nodes may reach the same step: a late node receives the current state.

interface Following {
  readonly id: RecoveryId;
}

/** The recovery as it stands, unless it is in this status. */
const unless = (row: StoredRecovery | undefined, status: RecoveryStatus): RecoveryStatus | undefined =>
  row === undefined || row.status === status ? undefined : row.status;

/** What the person had has ended. */
export function endStep({ kind }: StepParts): Step<Following> {
  return {
    kind,
    about: ({ id }) => id,
    facts: nothing,
    done: ({ row }) => unless(row, 'approved'),
    async check(given) {
      known(given);
    },
    next: (given, record) => ({ ...known(given), status: 'ended', endedRecord: record }),
    before: nothing,
    record: (given) => credentialsEnded(known(given)),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: ({ status }) => status,
  };
}

interface Completing extends Following {
  /** With which the person has enrolled. */
  readonly authenticator: Authenticator;
}

/** The person has enrolled. */
export function completeStep({ kind, signals, settings }: StepParts): Step<Completing> {
  const untilOf = ({ authenticator }: Completing) => Date.parse(authenticator.registeredAt) + settings.coolingOffMs;
  return {
    kind,
    about: ({ id }) => id,
    facts: nothing,
    done: ({ row }) => unless(row, 'invited'),
    async check(given) {
      known(given);
    },
    next: (given) => ({ ...known(given), status: 'completed', coolingOffUntil: untilOf(given.ask) }),
    async before(given) {
      await signals.raise({
        person: known(given).person,
        name: 'recovery-cooling-off',
        until: toInstant(untilOf(given.ask)),
        why: 'a lost factor was replaced',
      });
    },
    record(given) {
      const { id: authenticator, recordId: record } = given.ask.authenticator;
      return completed(known(given), { authenticator, record, coolingOffUntil: untilOf(given.ask) });
    },
    ends: () => true,
    refused: () => undefined,
    after: nothing,
    release: ({ status }) => status,
  };
}

/** It was not through in time. */
export function expireStep({
  kind,
  register,
  installation,
}: StepParts): Step<Following, { readonly enrolled: boolean }> {
  return {
    kind,
    about: ({ id }) => id,
    facts: async (_session, { row }) => ({
      enrolled: row?.status === 'invited' && (await enrolledBy(register, row.person)) !== undefined,
    }),
    // An enrolment that came in the last moment is in time.
    done: ({ row, now, facts: { enrolled } }) =>
      row !== undefined && (isSettled(row) || enrolled || row.expiresAt > now) ? row.status : undefined,
    async check(given) {
      known(given);
    },
    next: (given) => ({ ...known(given), status: 'expired' }),
    async before(given) {
      const { id, person, status } = known(given);
      // Links that were handed out end with it, and first, so that none outlives it.
      if (status !== 'waiting') await register.revokeAllOf(person, installation, `recovery ${id} expired`);
    },
    record: (given) => expired(known(given)),
    ends: () => true,
    refused: () => undefined,
    after: nothing,
    release: ({ status }) => status,
  };
}

/** The first key that the person has, after everything that they had has ended. */
export async function enrolledBy(
  register: Pick<AuthenticatorRegister, 'of'>,
  person: PrincipalId,
): Promise<Authenticator | undefined> {
  const [first] = [...(await register.of(person))].sort((one, other) =>
    one.registeredAt.localeCompare(other.registeredAt),
  );
  return first;
}
