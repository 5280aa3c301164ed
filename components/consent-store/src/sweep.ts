import { createHash } from 'node:crypto';
import { type AuditAppender, auditLogErrors, type Mandate } from '@countersign/contracts';
import { type Clock, defined, isCodedError, type MandateId, newId, type RecordId } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import { isOver } from './life-cycle.ts';
import { dueNow, noticeMoment } from './notices.ts';
import type { Store } from './store/store.ts';
import type { DueMandate, Unit } from './store/unit.ts';
import { partiesOf } from './terms.ts';

export interface Swept {
  readonly expired: number;
  readonly noticed: number;
}

export interface Sweep {
  /** Expires mandates and records expiry notices. Safe on several nodes at once. */
  now(): Promise<Swept>;
  stop(): Promise<void>;
}

/** Mandates checked in one sweep; the next sweep continues. */
const mostLooks = 10_000;
/** A failing mandate is tried again later, so that it does not hold up the others. */
const postponedMs = 3_600_000;

/** Records expiry versions and notices. Checks do not depend on them, because they compare times themselves. */
export function startSweep(options: {
  readonly store: Pick<Store, 'inUnit'>;
  readonly clock: Clock;
  readonly audit: AuditAppender;
  readonly noticeDays: readonly number[];
  readonly everyMs: number;
  readonly logger: Logger;
  /** Expires a mandate; safe if several nodes do it at once. */
  readonly expire: (id: MandateId) => Promise<Mandate | 'nothing'>;
}): Sweep {
  const { store, clock, audit, noticeDays, everyMs, logger, expire } = options;
  let swept: Swept = { expired: 0, noticed: 0 };
  let stopped = false;

  async function look(unit: Unit, due: DueMandate): Promise<'notice' | 'nothing' | { readonly over: MandateId }> {
    const head = await unit.head(due.id);
    if (head === undefined || isOver(head.status)) {
      await unit.lookAgain(due.id, undefined, due.noticedDays);
      return 'nothing';
    }
    const until = Date.parse(head.effectiveUntil);
    const found = dueNow({ until, noticed: head.status !== 'proposed' }, clock.now(), noticeDays, due.noticedDays);
    // Expiry is a command of its own, which checks again under its lock.
    if (found.what === 'expire') return { over: head.id };
    const days = found.what === 'notice' ? found.days : due.noticedDays;
    if (found.what === 'notice') await recordNotice(audit, head, until, found.days);
    await unit.lookAgain(head.id, found.lookAt, days);
    return found.what;
  }

  async function lookAtOne(): Promise<'done' | 'expired' | 'notice' | 'nothing'> {
    let due: DueMandate | undefined;
    try {
      const found = await store.inUnit(async (unit) => {
        due = await unit.lockDue(clock.now());
        return due === undefined ? 'done' : look(unit, due);
      });
      if (typeof found === 'string') return found;
      return (await expire(found.over)) === 'nothing' ? 'nothing' : 'expired';
    } catch (error) {
      // If the database or log is unavailable, postponing would fail too.
      if (due === undefined || (isCodedError(error) && error.category === 'unavailable')) throw error;
      const { id, noticedDays } = due;
      logger.error({ error, mandate: id }, 'an expiring mandate could not be processed');
      await store.inUnit((unit) => unit.lookAgain(id, clock.now() + postponedMs, noticedDays));
      return 'nothing';
    }
  }

  async function work(): Promise<void> {
    let [expired, noticed] = [0, 0];
    for (let looks = 0; looks < mostLooks && !stopped; looks++) {
      const outcome = await lookAtOne();
      if (outcome === 'done') break;
      if (outcome === 'notice') noticed++;
      if (outcome === 'expired') expired++;
    }
    swept = { expired, noticed };
  }

  const rounds = createRounds({ what: 'checks of expiring mandates', work, logger, everyMs });
  return {
    now: () => rounds.run().then(() => swept),
    stop() {
      stopped = true;
      return rounds.stop();
    },
  };
}

async function recordNotice(audit: AuditAppender, mandate: Mandate, until: number, days: number): Promise<void> {
  const { id, version, kind, status, grantor, grantee, thirdParty, effectiveUntil } = mandate;
  try {
    await audit.append({
      id: noticeId(mandate, until, days),
      type: 'mandate.expiring',
      source: 'consent-store',
      outcome: 'done',
      references: [mandate.recordId],
      mandate: { id, version },
      data: {
        mandate: {
          ...{ id, version, kind, status },
          ...Object.fromEntries(
            partiesOf({ grantor, grantee, ...defined({ thirdParty }) }).map(({ part, lei, role }) => [
              part,
              { lei, role },
            ]),
          ),
        },
        effective_until: effectiveUntil,
        days,
      },
    });
  } catch (error) {
    // Another node recorded the notice and died before storing it, perhaps for another version.
    if (!auditLogErrors.is(error, 'record_identity_taken')) throw error;
  }
}

/** The record id is derived from the notice, so that all nodes write the same record. */
function noticeId({ id }: Mandate, until: number, days: number): RecordId {
  const seed = createHash('sha256').update(`mandate.expiring ${id} ${until} ${days}`).digest();
  return newId('record', {
    clock: { now: () => noticeMoment(until, days) },
    random: { bytes: (size) => seed.subarray(0, size) },
  });
}
