import {
  type HoldScope,
  type LegalHold,
  type LogCustody,
  type RetentionClass,
  retentionErrors,
} from '@countersign/contracts';
import { type Clock, canonicalize, newId, parseInstant, type Random, toInstant } from '@countersign/kernel';
import type pg from 'pg';
import type { Requester } from './dependencies.ts';
import type { RetentionState } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import { dueBefore, type ScheduledClass, scheduleOf, type WantedSchedule } from './schedule.ts';
import type { Change, Simulation } from './simulation.ts';
import type { Store } from './store.ts';

/** For a pruning, `before` defaults to the latest moment that the schedule allows. */
export type WantedChange =
  | ({ readonly kind: 'schedule' } & WantedSchedule)
  | { readonly kind: 'pruning'; readonly class: ScheduledClass; readonly before?: string };

const keptMs = 86_400_000;

export interface Simulations {
  /**
   * Changes nothing. The result can be proposed within a day. @throws CodedError `retention_too_short`,
   * `retention_malformed`
   */
  simulate(wanted: WantedChange, by: Requester): Promise<Simulation>;
  /** @throws CodedError `retention_not_simulated` if it does not exist or is outdated */
  current(id: string, state: RetentionState, session: pg.PoolClient): Promise<Simulation>;
}

export function createSimulations(dependencies: {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly clock: Clock;
  readonly random: Random;
}): Simulations {
  const { store, ledger, custody, clock, random } = dependencies;
  return {
    async simulate(wanted, by) {
      const state = await ledger.current();
      const now = clock.now();
      const change = changeOf(wanted, state, now);
      const holds = activeScopes(state);
      const due = dueBy(change, now);
      const simulation: Simulation = {
        id: newId('simulation', { clock, random }),
        at: toInstant(now),
        by: by.id,
        change,
        schedule: state.schedule.version,
        asOf: state.governedUpTo.toString(),
        holds: holds.length,
        before: written(due),
        would: await custody.survey(due, holds),
        now: await custody.survey(dueBefore(state.schedule, now), holds),
      };
      await store.putSimulation(simulation, new Date(now - keptMs));
      return simulation;
    },

    async current(id, state, session) {
      const simulation = await store.simulation(id, session);
      const madeAt = parseInstant(simulation?.at ?? '');
      if (simulation === undefined || madeAt === undefined || clock.now() - madeAt > keptMs)
        throw retentionErrors.error(
          'retention_not_simulated',
          'There is no simulation with this id from the last day: simulate the change, read the result, then propose it.',
        );
      if (simulation.asOf !== state.governedUpTo.toString())
        throw retentionErrors.error(
          'retention_not_simulated',
          'A hold or the schedule has changed since this was simulated: simulate it again.',
        );
      // The row is not signed, so everything that follows from other facts is recomputed.
      if (simulation.change.kind === 'schedule') scheduleOf(simulation.change);
      if (canonicalize(written(dueBy(simulation.change, madeAt))) !== canonicalize(simulation.before))
        throw retentionErrors.error(
          'retention_not_simulated',
          'The stored simulation is inconsistent: simulate the change again.',
        );
      return simulation;
    },
  };
}

function dueBy(change: Change, now: number): Partial<Record<RetentionClass, number>> {
  return change.kind === 'schedule' ? dueBefore(change, now) : { [change.class]: momentOf(change.before) };
}

/** @throws CodedError `retention_too_short` */
function changeOf(wanted: WantedChange, { schedule }: RetentionState, now: number): Change {
  if (wanted.kind === 'schedule') return { kind: 'schedule', ...scheduleOf(wanted) };
  const latest = dueBefore(schedule, now)[wanted.class];
  const before = wanted.before === undefined ? latest : momentOf(wanted.before);
  checkPruning({ class: wanted.class, before: toInstant(before) }, { schedule }, now);
  return { kind: 'pruning', class: wanted.class, before: toInstant(before) };
}

/** @throws CodedError `retention_too_short` */
export function checkPruning(
  { class: of, before }: { readonly class: ScheduledClass; readonly before: string },
  { schedule }: Pick<RetentionState, 'schedule'>,
  now: number,
): void {
  const latest = dueBefore(schedule, now)[of];
  if (momentOf(before) <= latest) return;
  throw retentionErrors.error(
    'retention_too_short',
    `Records of ${of} are kept for ${schedule.years[of]} years: what is from ${toInstant(latest)} or later stays.`,
    { facts: { class: of, before, latest: toInstant(latest) } },
  );
}

/** @throws CodedError `retention_malformed` */
export function momentOf(text: string): number {
  const moment = parseInstant(text);
  if (moment === undefined)
    throw retentionErrors.error('retention_malformed', 'A time must be written as in RFC 3339.');
  return moment;
}

export function momentsOf({ before }: Pick<Simulation, 'before'>): Partial<Record<RetentionClass, number>> {
  return Object.fromEntries(Object.entries(before).map(([name, text]) => [name, momentOf(text)]));
}

function written(due: Partial<Record<RetentionClass, number>>): Simulation['before'] {
  return Object.fromEntries(Object.entries(due).map(([name, moment]) => [name, toInstant(moment)]));
}

export function activeHolds({ holds }: Pick<RetentionState, 'holds'>): readonly LegalHold[] {
  return [...holds.values()].filter(({ releasedAt }) => releasedAt === undefined);
}

export function activeScopes(state: Pick<RetentionState, 'holds'>): readonly HoldScope[] {
  return activeHolds(state).map(({ scope }) => scope);
}
