import { setTimeout as sleep } from 'node:timers/promises';
import { createStandingCheck, type DepartureEffect } from '@countersign/contracts';
import { isCodedError, toInstant } from '@countersign/kernel';
import { createRounds } from '@countersign/runtime';
import type { DepartureDependencies } from './dependencies.ts';
import {
  completeDeparture,
  departureClaim,
  extendClaim,
  postponeDeparture,
  type StoredDeparture,
  settleEffect,
  takeDepartures,
} from './store.ts';

/** Works on departures; one node at a time on each. */
interface Carrier {
  hurry(): void;
  /** @throws CodedError `database_unavailable`; errors of an effect are stored with the departure instead */
  run(): Promise<void>;
  stop(): Promise<void>;
}

const atOnce = 16;
/** Another node takes a departure over if its worker has been silent for this long. */
const leaseMs = 60_000;
/** Time limit of one effect. It is shorter than the lease, so that the effect is abandoned before another node starts it. */
const effectMs = 30_000;
const longestWaitMs = 300_000;
const otherNodeMs = 5_000;

export function createCarrier(dependencies: Omit<DepartureDependencies, 'newRecordId'>): Carrier {
  const { pool, clock, random, audit, logger } = dependencies;
  const standings = createStandingCheck({ log: audit, source: 'directory', clock, random });
  const stopping = new AbortController();
  const stopped = (): boolean => stopping.signal.aborted;

  async function carryDue(): Promise<void> {
    while (!stopped()) {
      const claim = Buffer.from(random.bytes(16)).toString('base64url');
      const taken = await takeDepartures(pool, { claim, now: clock.now(), leaseMs, limit: atOnce });
      const failed = (await Promise.allSettled(taken.map((departure) => carryOrPostpone(departure, claim)))).find(
        ({ status }) => status === 'rejected',
      );
      if (failed?.status === 'rejected') throw failed.reason;
      if (taken.length === 0) return;
    }
  }

  async function carryOrPostpone(departure: StoredDeparture, claim: string): Promise<void> {
    try {
      await carry(departure, claim);
    } catch (error) {
      await postponeDeparture(pool, departure.id, claim, clock.now() + waitAfter(departure.attempts)).catch(
        () => undefined,
      );
      throw error;
    }
  }

  async function carry(departure: StoredDeparture, claim: string): Promise<void> {
    // Records name the principal of the row as the actor.
    if (!(await standings.holds(departureClaim(departure))))
      return postponeDeparture(pool, departure.id, claim, clock.now() + longestWaitMs);
    const known = new Map(dependencies.effects().map((effect) => [effect.name, effect]));
    const ended = new Map<string, number>();
    for (const [index, { name, status, ended: before = 0 }] of departure.effects.entries()) {
      const position = index + 1;
      if (status === 'done') {
        ended.set(name, before);
        continue;
      }
      if (stopped()) return postponeDeparture(pool, departure.id, claim, clock.now());
      const effect = known.get(name);
      if (effect === undefined) return postponeDeparture(pool, departure.id, claim, clock.now() + otherNodeMs);
      if (!(await extendClaim(pool, departure.id, claim, clock.now() + leaseMs))) return;
      const outcome = await attempt(effect, departure);
      if (!(await settleEffect(pool, departure.id, claim, { position, ...outcome }))) return;
      if (!('ended' in outcome))
        return postponeDeparture(pool, departure.id, claim, clock.now() + waitAfter(departure.attempts));
      ended.set(name, outcome.ended);
    }
    await complete(departure, claim, ended);
  }

  /** A hanging effect counts as failed: it is retried and delays neither the others nor the shutdown. */
  async function attempt(
    effect: DepartureEffect,
    { id, principal, kind, at, by, reason }: StoredDeparture,
  ): Promise<{ readonly ended: number } | { readonly failure: string }> {
    try {
      return await bounded(effect.end({ principal, kind, at: toInstant(at.getTime()), by, reason }));
    } catch (error) {
      logger.warn({ error, departure: id, effect: effect.name }, 'an effect of a departure failed');
      return { failure: isCodedError(error) ? error.code : 'fault' };
    }
  }

  async function bounded(ending: Promise<{ readonly ended: number }>) {
    const settled = new AbortController();
    const late = sleep(effectMs, { failure: 'timeout' }, { signal: AbortSignal.any([settled.signal, stopping.signal]) })
      // Either the effect ended in time, or this process exits.
      .catch(() => ({ failure: 'interrupted' }));
    try {
      return await Promise.race([ending.then(({ ended }) => ({ ended })), late]);
    } finally {
      settled.abort();
    }
  }

  /** The record has a fixed id: if the process dies before the next line, the record is appended again without a duplicate. */
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

  // A caller that arrives during a round waits for the next one, because the current round may have started too early.
  const rounds = createRounds({ what: 'the completion of departures', work: carryDue, logger });
  return {
    run: async () => rounds.run(),
    hurry: () => rounds.hurry(),
    async stop() {
      stopping.abort();
      await rounds.stop();
    },
  };
}

/** Doubles each time: 1 s, 2 s, 4 s, up to five minutes. */
function waitAfter(attempts: number): number {
  return Math.min(1_000 * 2 ** Math.min(attempts - 1, 20), longestWaitMs);
}
