import { appendOnce, type StandingCheck } from '@countersign/contracts';
import { type IncidentId, toInstant } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Alarm } from './alarm.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import { incidentOver } from './records.ts';
import { requireProven } from './row-claims.ts';
import { lockDue, lockIncident, putOff, type StoredIncident, settleIncident } from './store.ts';
import { en } from './texts/en.ts';

const mostAtOnce = 100;
const retryMs = 10_000;
/** Reviewers are reminded when so much of their time is left. */
const reminderMs = 4 * 3_600_000;

/** When an incident that was granted is looked at next: for a reminder, then for its end. */
export function nextLook(reviewDueAt: number, now: number): number {
  const reminder = reviewDueAt - reminderMs;
  return reminder > now ? reminder : reviewDueAt;
}

/** Watches the times of incidents, on every node, each by one node at a time. Every step can be done twice. */
export function createWatch(
  dependencies: Pick<
    BreakGlassDependencies,
    'pool' | 'audit' | 'register' | 'tokens' | 'installation' | 'clock' | 'logger'
  > & { readonly alarm: Alarm; readonly standings: StandingCheck },
) {
  const { pool, audit, register, tokens, installation, clock, logger, alarm, standings } = dependencies;

  /** Nobody has reviewed: both holders are locked out, and what they hold ends. Recorded before it takes effect. */
  async function overdue(stored: StoredIncident, session: pg.PoolClient): Promise<void> {
    const { id, holder, second, reference } = stored;
    const holders = second === undefined ? [holder] : [holder, second];
    await appendOnce(audit, incidentOver(stored, holders));
    alarm.sound('overdue', stored);
    for (const each of holders) {
      await register.lock(each, installation, `emergency access of ${id} was not reviewed in time`);
      await tokens.revoke({ kind: 'principal', id: each }, installation, `incident ${id}`);
      await alarm.tell(each, 'break-glass-review-overdue', en.notices.overdueHolder(reference));
    }
    const text = en.notices.overdue(holder, second ?? holder, reference);
    await alarm.tellReviewers(stored, 'break-glass-review-overdue', text);
    await settleIncident(session, id, 'overdue');
  }

  async function lapse(stored: StoredIncident, session: pg.PoolClient): Promise<void> {
    await appendOnce(audit, incidentOver(stored, undefined));
    alarm.sound('lapsed', stored);
    await alarm.tellReviewers(stored, 'break-glass-declared', en.notices.lapsed(stored.reference));
    await settleIncident(session, stored.id, 'lapsed');
  }

  async function look(stored: StoredIncident, session: pg.PoolClient): Promise<void> {
    // A row that nobody declared locks nobody out.
    await requireProven(standings, stored, 'also-ended');
    if (stored.status === 'declared') return lapse(stored, session);
    const { reviewDueAt = 0, holder, reference } = stored;
    if (reviewDueAt <= clock.now()) return overdue(stored, session);
    if (!stored.reminded)
      await alarm.tellReviewers(
        stored,
        'break-glass-review-due',
        en.notices.reviewDue(holder, reference, toInstant(reviewDueAt)),
      );
    await putOff(session, stored.id, reviewDueAt, true);
  }

  async function lookAtNext(): Promise<boolean> {
    let failed: { readonly stored: StoredIncident; readonly error: unknown } | undefined;
    const found = await transaction(pool, async (session) => {
      const stored = await lockDue(session, clock.now());
      if (stored === undefined) return false;
      try {
        await look(stored, session);
      } catch (error) {
        failed = { stored, error };
        throw error;
      }
      return true;
    }).catch((error: unknown) => {
      if (failed === undefined) throw error;
      return true;
    });
    if (failed === undefined) return found;
    // The others are looked at all the same, and this one soon again.
    const { stored, error } = failed;
    logger.error({ error, incident: stored.id }, 'an emergency could not be carried on');
    await putOff(pool, stored.id, clock.now() + retryMs, false);
    return true;
  }

  return {
    /** Does at once what the next look would do. */
    async endIfOverdue(id: IncidentId): Promise<void> {
      await transaction(pool, async (session) => {
        const stored = await lockIncident(session, id);
        if (stored?.status === 'granted' && (stored.reviewDueAt ?? 0) <= clock.now()) await overdue(stored, session);
      });
    },
    async lookAtDue(): Promise<void> {
      for (let count = 0; count < mostAtOnce; count += 1) if (!(await lookAtNext())) return;
    },
  };
}
