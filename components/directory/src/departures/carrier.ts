import { setTimeout as sleep } from 'node:timers/promises';
import { createStandingCheck, type DepartureEffect } from '@countersign/contracts';
import { isCodedError, toInstant } from '@countersign/kernel';
import type { DepartureDependencies } from './dependencies.ts';
import {
  completeDeparture,
  departureClaim,
  keepDeparture,
  putOffDeparture,
  type StoredDeparture,
  settleEffect,
  takeDepartures,
} from './store.ts';

/** Carries departures through, on every node, each by one node at a time. */
interface Carrier {
  hurry(): void;
  /** @throws CodedError `database_unavailable`; what an effect throws is written down with the departure instead */
  run(): Promise<void>;
  stop(): Promise<void>;
}

const atOnce = 16;
/** Another node takes a departure over when the one that has it says nothing for so long. */
const leaseMs = 60_000;
/** How long one effect may take; less than the lease, so that it is put down before another node takes it up. */
const effectMs = 30_000;
const longestWaitMs = 300_000;
/** For an effect that this node does not have: another one may. */
const otherNodeMs = 5_000;

export function createCarrier(dependencies: Omit<DepartureDependencies, 'newRecordId'>): Carrier {
  const { pool, clock, random, audit, logger } = dependencies;
  const standings = createStandingCheck({ log: audit, source: 'directory', clock, random });
  const stopping = new AbortController();
  const stopped = (): boolean => stopping.signal.aborted;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function carryDue(): Promise<void> {
    while (!stopped()) {
      const claim = Buffer.from(random.bytes(16)).toString('base64url');
      const taken = await takeDepartures(pool, { claim, now: clock.now(), leaseMs, limit: atOnce });
      const failed = (await Promise.allSettled(taken.map((departure) => carryOrGiveBack(departure, claim)))).find(
        ({ status }) => status === 'rejected',
      );
      if (failed?.status === 'rejected') throw failed.reason;
      if (taken.length === 0) return;
    }
  }

  async function carryOrGiveBack(departure: StoredDeparture, claim: string): Promise<void> {
    try {
      await carry(departure, claim);
    } catch (error) {
      // Where even this fails, the claim runs out.
      await putOffDeparture(pool, departure.id, claim, clock.now() + waitAfter(departure.attempts)).catch(
        () => undefined,
      );
      throw error;
    }
  }

  /** One after another, and each only when those before it are done: a later one may rely on them. */
  async function carry(departure: StoredDeparture, claim: string): Promise<void> {
    // What ends is recorded as the doing of whoever the row names.
    if (!(await standings.holds(departureClaim(departure))))
      return putOffDeparture(pool, departure.id, claim, clock.now() + longestWaitMs);
    const known = new Map(dependencies.effects().map((effect) => [effect.name, effect]));
    const ended = new Map<string, number>();
    for (const [index, { name, status, ended: before = 0 }] of departure.effects.entries()) {
      const position = index + 1;
      if (status === 'done') {
        ended.set(name, before);
        continue;
      }
      if (stopped()) return putOffDeparture(pool, departure.id, claim, clock.now());
      const effect = known.get(name);
      if (effect === undefined) return putOffDeparture(pool, departure.id, claim, clock.now() + otherNodeMs);
      if (!(await keepDeparture(pool, departure.id, claim, clock.now() + leaseMs))) return;
      const outcome = await attempt(effect, departure);
      if (!(await settleEffect(pool, departure.id, claim, { position, ...outcome }))) return;
      if (!('ended' in outcome))
        return putOffDeparture(pool, departure.id, claim, clock.now() + waitAfter(departure.attempts));
      ended.set(name, outcome.ended);
    }
    await complete(departure, claim, ended);
  }

  /** What hangs is a failure too: it is tried again, and holds up neither the others nor the end of this process. */
  async function attempt(
    effect: DepartureEffect,
    { id, principal, kind, at, by, reason }: StoredDeparture,
  ): Promise<{ readonly ended: number } | { readonly failure: string }> {
    try {
      return await bounded(effect.end({ principal, kind, at: toInstant(at.getTime()), by, reason }));
    } catch (error) {
      logger.warn({ error, departure: id, effect: effect.name }, 'what a departed principal held could not be ended');
      return { failure: isCodedError(error) ? error.code : 'fault' };
    }
  }

  async function bounded(ending: Promise<{ readonly ended: number }>) {
    const settled = new AbortController();
    const late = sleep(effectMs, { failure: 'timeout' }, { signal: AbortSignal.any([settled.signal, stopping.signal]) })
      // Either it ended in time, or this process does.
      .catch(() => ({ failure: 'interrupted' }));
    try {
      return await Promise.race([ending.then(({ ended }) => ({ ended })), late]);
    } finally {
      settled.abort();
    }
  }

  /** The record has the id that was chosen for it: whoever dies before the next line has it appended again, once. */
  async function complete(
    departure: StoredDeparture,
    claim: string,
    ended: ReadonlyMap<string, number>,
  ): Promise<void> {
    await audit.append({
      id: departure.completionRecord,
      type: 'directory.departure-completed',
      source: 'directory',
      outcome: 'done',
      subject: departure.by,
      references: [departure.recordId],
      data: {
        departure: departure.id,
        kind: departure.kind,
        principal: departure.principal,
        effects: [...ended].map(([name, count]) => ({ name, ended: count })),
      },
    });
    await completeDeparture(pool, departure.id, claim);
  }

  /** Whoever asks while a round is under way is answered by the next one: that may have begun too early for them. */
  function run(): Promise<void> {
    if (running === undefined) {
      running = carryDue().finally(() => {
        running = undefined;
      });
      return running;
    }
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  }

  return {
    run,
    hurry() {
      if (stopped()) return;
      run().catch((error: unknown) => logger.warn({ error }, 'departures could not be carried on'));
    },
    async stop() {
      stopping.abort();
      await running?.catch(() => undefined);
      await next?.catch(() => undefined);
    },
  };
}

/** Twice as long each time: 1 s, 2 s, 4 s, ... five minutes. */
function waitAfter(attempts: number): number {
  return Math.min(1_000 * 2 ** Math.min(attempts - 1, 20), longestWaitMs);
}
