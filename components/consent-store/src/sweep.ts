import { createHash } from 'node:crypto';
import type { AuditAppender, auditLogErrors, Mandate } from '@countersign/contracts';
import { type Clock, defined, isCodedError, type MandateId, newId, type RecordId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
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
  /** Ends what has run out and tells of what will. Safe on several nodes at once: what ends, ends once. */
  now(): Promise<Swept>;
  stop(): Promise<void>;
}

/** In one sweep; the next goes on from there. */
const mostLooks = 10_000;
/** What cannot be dealt with is tried again later, so that it holds up nothing else. */
const postponedMs = 3_600_000;

/**
 * What time does to mandates: versions that say `expired`, and notices before. A check needs neither: it compares
 * times itself.
 */
export function startSweep(options: {
  readonly store: Pick<Store, 'inUnit'>;
  readonly clock: Clock;
  readonly audit: AuditAppender;
  readonly noticeDays: readonly number[];
  readonly everyMs: number;
  readonly logger: Logger;
  /** Ends a mandate whose time is over, once, whoever else does it now. */
  readonly expire: (id: MandateId) => Promise<Mandate | 'nothing'>;
}): Sweep {
  const { store, clock, audit, noticeDays, everyMs, logger, expire } = options;
  let running: Promise<Swept> | undefined;
  let stopped = false;

  async function look(unit: Unit, due: DueMandate): Promise<'notice' | 'nothing' | { readonly over: MandateId }> {
    const head = await unit.head(due.id);
    if (head === undefined || isOver(head.status)) {
      await unit.lookAgain(due.id, undefined, due.noticedDays);
      return 'nothing';
    }
    const until = Date.parse(head.effectiveUntil);
    const found = dueNow({ until, noticed: head.status !== 'proposed' }, clock.now(), noticeDays, due.noticedDays);
    // It ends under a lock of its own, where it is looked at anew.
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
      // Where nothing can be written now, nothing can be postponed either.
      if (due === undefined || (isCodedError(error) && error.category === 'unavailable')) throw error;
      const { id, noticedDays } = due;
      logger.error({ error, mandate: id }, 'a mandate that ends could not be dealt with');
      await store.inUnit((unit) => unit.lookAgain(id, clock.now() + postponedMs, noticedDays));
      return 'nothing';
    }
  }

  async function run(): Promise<Swept> {
    let [expired, noticed] = [0, 0];
    for (let looks = 0; looks < mostLooks && !stopped; looks++) {
      const outcome = await lookAtOne();
      if (outcome === 'done') break;
      if (outcome === 'notice') noticed++;
      if (outcome === 'expired') expired++;
    }
    return { expired, noticed };
  }

  function now(): Promise<Swept> {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  }

  const timer = setInterval(() => {
    now().catch((error: unknown) => logger.warn({ error }, 'mandates that end could not be looked at'));
  }, everyMs);
  timer.unref();
  return {
    now,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running?.catch(() => undefined);
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
    // Recorded by a node that was stopped before it could say so. The mandate may have had another version then.
    if (!isCodedError(error, 'record_identity_taken' satisfies keyof typeof auditLogErrors.codes)) throw error;
  }
}

/** One notice is one record, whoever gives it: its id follows from what it is about. */
function noticeId({ id }: Mandate, until: number, days: number): RecordId {
  const seed = createHash('sha256').update(`mandate.expiring ${id} ${until} ${days}`).digest();
  return newId('record', {
    clock: { now: () => noticeMoment(until, days) },
    random: { bytes: (size) => seed.subarray(0, size) },
  });
}
