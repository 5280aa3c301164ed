import type { Commands } from '@countersign/commands';
import { standingErrors } from '@countersign/contracts';
import type { RecoveryDependencies } from './dependencies.ts';
import { completeStep, coolOff, endStep, enrolledBy, expireStep } from './steps/follow.ts';
import type { StepParts } from './steps/step.ts';
import { countEnded, isSettled, putOff, removeSettled, type StoredRecovery, takeDue } from './store.ts';

const atOnce = 16;
const leaseMs = 60_000;
/** How often to check whether the person has enrolled. */
const lookMs = 5_000;
const retryMs = 10_000;
const keptMs = 90 * 86_400_000;

/** Advances recoveries, each on one node at a time. Steps can be repeated. */
export function createCarrier(
  dependencies: StepParts &
    Pick<RecoveryDependencies, 'pool' | 'sessions' | 'tokens' | 'logger'> & {
      readonly commands: Commands;
      /** The recovery by the log; undefined if the log has none. @throws CodedError `authority_unproven`, `log_unavailable` */
      readonly find: (id: StoredRecovery['id']) => Promise<StoredRecovery | undefined>;
      readonly restore: (id: StoredRecovery['id']) => Promise<void>;
    },
) {
  const { pool, commands, find, restore, register, sessions, tokens, installation, clock, random, logger } =
    dependencies;
  const ended = endStep(dependencies);
  const completed = completeStep(dependencies);
  const expired = expireStep(dependencies);

  /** Revokes everything the person had, before anybody is invited. */
  async function endCredentials(stored: StoredRecovery): Promise<void> {
    const { id, person } = stored;
    const reason = `recovery ${id}`;
    const authenticators = await register.revokeAllOf(person, installation, reason);
    const endedSessions = await sessions.endAllOf(person, reason);
    await countEnded(pool, id, { authenticators, sessions: endedSessions });
    await tokens.revoke({ kind: 'principal', id: person }, installation, reason);
    await coolOff(dependencies, stored);
    await commands.run(ended, { id });
  }

  /** A row that differs from the log waits until it has expired. */
  async function provenOf({ id, expiresAt }: StoredRecovery): Promise<StoredRecovery | undefined> {
    try {
      return await find(id);
    } catch (error) {
      if (!standingErrors.is(error, 'authority_unproven') || expiresAt > clock.now()) throw error;
      await restore(id);
      return find(id);
    }
  }

  async function carry(taken: StoredRecovery, claim: string): Promise<void> {
    const stored = await provenOf(taken);
    // It may have been cancelled meanwhile.
    if (stored === undefined || isSettled(stored)) return;
    const { id, status, person, expiresAt } = stored;
    if (status === 'approved') return endCredentials(stored);
    const authenticator = status === 'invited' ? await enrolledBy(register, person) : undefined;
    if (authenticator !== undefined) await commands.run(completed, { id, authenticator });
    else if (expiresAt <= clock.now()) await commands.run(expired, { id });
    else await putOff(pool, id, claim, status === 'invited' ? Math.min(clock.now() + lookMs, expiresAt) : expiresAt);
  }

  return {
    async carryDue(): Promise<void> {
      await removeSettled(pool, clock.now() - keptMs, 1_000);
      for (;;) {
        const claim = Buffer.from(random.bytes(16)).toString('base64url');
        const taken = await takeDue(pool, { claim, now: clock.now(), leaseMs, limit: atOnce });
        for (const stored of taken)
          try {
            await carry(stored, claim);
          } catch (error) {
            logger.warn({ error, recovery: stored.id }, 'a recovery could not be continued');
            await putOff(pool, stored.id, claim, clock.now() + retryMs);
          }
        if (taken.length < atOnce) return;
      }
    },
  };
}
