import type { Authenticator, AuthenticatorRegister, PrincipalId, RecoveryStatus } from '@countersign/contracts';
import { type RecoveryId, toInstant } from '@countersign/kernel';
import type { RecoverySettings } from '../config.ts';
import type { RecoveryDependencies } from '../dependencies.ts';
import { completed, credentialsEnded, expired } from '../records.ts';
import { isSettled, type RecoveryState, type StoredRecovery } from '../store.ts';
import { commonMembers, known, type Step, type StepParts } from './step.ts';

type Parts = Pick<RecoveryDependencies, 'signals' | 'clock'> & { readonly settings: RecoverySettings };

/** Until well after the last moment at which the person can enrol; the enrolment sets the exact end. */
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

// Steps that follow automatically. Several nodes may reach the same one: the later node gets the current status.

interface Following {
  readonly id: RecoveryId;
}

/** The current status, unless it is this one. */
const unless = (row: StoredRecovery | undefined, status: RecoveryStatus): RecoveryStatus | undefined =>
  row === undefined || row.status === status ? undefined : row.status;

/** After everything the person had was revoked. */
export function endStep({ kind }: StepParts): Step<Following> {
  return {
    ...commonMembers,
    kind,
    done: ({ row }) => unless(row, 'approved'),
    next: (given, record) => ({ ...known(given), status: 'ended', endedRecord: record }),
    record: (given) => credentialsEnded(known(given)),
  };
}

interface Completing extends Following {
  /** The newly enrolled one. */
  readonly authenticator: Authenticator;
}

/** After the person has enrolled. */
export function completeStep({ kind, signals, settings }: StepParts): Step<Completing> {
  const untilOf = ({ authenticator }: Completing) => Date.parse(authenticator.registeredAt) + settings.coolingOffMs;
  return {
    ...commonMembers,
    kind,
    done: ({ row }) => unless(row, 'invited'),
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
  };
}

/** After the deadline. */
export function expireStep(options: StepParts): Step<Following, { readonly enrolled: boolean }> {
  const { kind, register, installation } = options;
  return {
    ...commonMembers,
    kind,
    facts: async (_session, { row }) => ({
      enrolled: row?.status === 'invited' && (await enrolledBy(register, row.person)) !== undefined,
    }),
    // An enrolment just before the deadline is in time.
    done: ({ row, now, facts: { enrolled } }) =>
      row !== undefined && (isSettled(row) || enrolled || row.expiresAt > now) ? row.status : undefined,
    next: (given) => ({ ...known(given), status: 'expired' }),
    async before(given) {
      const { id, person, status } = known(given);
      // First, so that no invitation link outlives the recovery.
      if (status !== 'waiting') await register.revokeAllOf(person, installation, `recovery ${id} expired`);
    },
    record: (given) => expired(known(given)),
    ends: () => true,
  };
}

/** The first key enrolled after the revocation. */
export async function enrolledBy(
  register: Pick<AuthenticatorRegister, 'of'>,
  person: PrincipalId,
): Promise<Authenticator | undefined> {
  const [first] = [...(await register.of(person))].sort((one, other) =>
    one.registeredAt.localeCompare(other.registeredAt),
  );
  return first;
}
