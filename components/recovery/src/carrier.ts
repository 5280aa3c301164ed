import { appendOnce, standingErrors } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { RecoverySettings } from './config.ts';
import type { RecoveryDependencies } from './dependencies.ts';
import { credentialsEnded, recoveryCompleted, recoveryExpired } from './records.ts';
import {
  advance,
  countEnded,
  findRecovery,
  lockRecovery,
  putOff,
  removeSettled,
  type StoredRecovery,
  takeDue,
} from './store.ts';
import { tellPerson } from './tell-person.ts';
import { en } from './texts/en.ts';

const atOnce = 16;
const leaseMs = 60_000;
/** How often it is looked whether somebody has enrolled. */
const lookMs = 5_000;
const retryMs = 10_000;
const keptMs = 90 * 86_400_000;

/** Carries recoveries through, on every node, each by one node at a time. Every step can be done twice. */
export function createCarrier(
  dependencies: Omit<RecoveryDependencies, 'config' | 'environment'> & {
    readonly settings: RecoverySettings;
    /** Whether the log says of a recovery what its rows say. */
    readonly isProven: (stored: StoredRecovery) => Promise<boolean>;
  },
) {
  const {
    pool,
    audit,
    directory,
    register,
    sessions,
    tokens,
    signals,
    installation,
    clock,
    random,
    logger,
    settings,
    isProven,
  } = dependencies;

  /** From now until well after the last moment at which the person can enrol; the enrolment makes it exact. */
  async function coolOff({ person, expiresAt }: StoredRecovery): Promise<void> {
    await signals.raise({
      person,
      name: 'recovery-cooling-off',
      until: toInstant(Math.max(expiresAt, clock.now() + 3_600_000) + settings.coolingOffMs),
      why: 'a lost factor is being replaced',
    });
  }

  /** What the person had ends first: nobody is invited while any of it works. */
  async function endCredentials(stored: StoredRecovery): Promise<void> {
    const { id, person } = stored;
    const reason = `recovery ${id}`;
    const authenticators = await register.revokeAllOf(person, installation, reason);
    const ended = await sessions.endAllOf(person, reason);
    await countEnded(pool, id, { authenticators, sessions: ended });
    await tokens.revoke({ kind: 'principal', id: person }, installation, reason);
    await coolOff(stored);
    const counted = (await findRecovery(pool, id)) ?? stored;
    await appendOnce(
      audit,
      credentialsEnded(counted, { authenticators: counted.authenticators, sessions: counted.sessions }),
    );
    await advance(pool, id, { from: 'approved', to: 'ended', at: clock.now(), next: stored.expiresAt });
  }

  /** @returns whether the person has enrolled */
  async function completeIfEnrolled(stored: StoredRecovery, session: pg.PoolClient): Promise<boolean> {
    const { id, person } = stored;
    const [authenticator] = [...(await register.of(person))].sort((one, other) =>
      one.registeredAt.localeCompare(other.registeredAt),
    );
    if (authenticator === undefined) return false;
    const until = Date.parse(authenticator.registeredAt) + settings.coolingOffMs;
    await signals.raise({
      person,
      name: 'recovery-cooling-off',
      until: toInstant(until),
      why: 'a lost factor was replaced',
    });
    await appendOnce(
      audit,
      recoveryCompleted(stored, {
        authenticator: authenticator.id,
        recordId: authenticator.recordId,
        coolingOffUntil: until,
      }),
    );
    await tellPerson(dependencies, person, 'recovery-completed', en.notices.completed(toInstant(until)));
    await advance(session, id, { from: 'invited', to: 'completed', at: clock.now(), coolingOffUntil: until });
    return true;
  }

  async function expire(stored: StoredRecovery, session: pg.PoolClient, what?: 'unproven'): Promise<void> {
    const { id, person, status } = stored;
    await appendOnce(audit, recoveryExpired(stored));
    // Links that were handed out end with it.
    if (status !== 'waiting' && what !== 'unproven')
      await register.revokeAllOf(person, installation, `recovery ${id} expired`);
    if (directory.snapshot().principal(person) !== undefined)
      await tellPerson(dependencies, person, 'recovery-decided', en.notices.expired);
    await advance(session, id, { from: status, to: 'expired', at: clock.now() });
  }

  async function carry(stored: StoredRecovery, claim: string): Promise<void> {
    const { id, status } = stored;
    const unproven = !(await isProven(stored));
    if (unproven && stored.expiresAt > clock.now())
      throw standingErrors.error('authority_unproven', 'A recovery is stored otherwise than it is recorded.');
    if (status === 'approved' && !unproven) return endCredentials(stored);
    await transaction(pool, async (session) => {
      // Somebody may have called it off meanwhile.
      if ((await lockRecovery(session, id))?.status !== status) return;
      if (unproven) return expire(stored, session, 'unproven');
      if (status === 'invited' && (await completeIfEnrolled(stored, session))) return;
      if (stored.expiresAt <= clock.now()) return expire(stored, session);
      const next = status === 'invited' ? Math.min(clock.now() + lookMs, stored.expiresAt) : stored.expiresAt;
      await putOff(session, id, claim, next);
    });
  }

  async function carryDue(): Promise<void> {
    await removeSettled(pool, clock.now() - keptMs, 1_000);
    for (;;) {
      const claim = Buffer.from(random.bytes(16)).toString('base64url');
      const taken = await takeDue(pool, { claim, now: clock.now(), leaseMs, limit: atOnce });
      for (const stored of taken)
        try {
          await carry(stored, claim);
        } catch (error) {
          logger.warn({ error, recovery: stored.id }, 'a recovery could not be carried on');
          await putOff(pool, stored.id, claim, clock.now() + retryMs);
        }
      if (taken.length < atOnce) return;
    }
  }

  return { carryDue, coolOff };
}
