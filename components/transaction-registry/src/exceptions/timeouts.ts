import { toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { lifeCycleOf, partiesByPart, stateRuleOf } from '../life-cycles/index.ts';
import type { StoredException, StoredTransaction } from '../store/store.ts';
import { type Raised, raiseWhereDue } from './raise.ts';

type Dependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random' | 'logger' | 'exceptionTimes'>;

/**
 * Tells of everyone who was waited for and not heard of, once for each wait, however many nodes look.
 *
 * @returns how many exceptions were raised by this call
 */
export async function tellTimeouts(limit: number, dependencies: Dependencies): Promise<number> {
  const { store, clock, logger } = dependencies;
  const after = async (transaction: StoredTransaction, now: number): Promise<void> => {
    if (missedAt(transaction, now) !== undefined) await store.tellOverdue(transaction);
  };
  let told = 0;
  for (const id of await store.overdueLives(clock.now(), limit)) {
    try {
      told += (await raiseWhereDue({ transaction: id, look, after }, dependencies)) ? 1 : 0;
    } catch (error) {
      // One that cannot be told of keeps no other waiting; the next sweep comes back to it.
      logger.warn({ error, transaction: id }, 'a time-out could not be told of yet');
    }
  }
  return told;
}

function look(transaction: StoredTransaction, open: readonly StoredException[], now: number): Raised | undefined {
  const awaited = missedAt(transaction, now);
  if (awaited === undefined) return undefined;
  const { event, events, until } = awaited;
  // It may stand since they were waited for before.
  if (open.some((exception) => exception.cause === 'partner-timeout' && exception.event === event)) return undefined;
  return {
    cause: 'partner-timeout',
    event,
    reason: 'partner_not_heard_of',
    detail: `${events.join(' or ')} of ${waitedFor(transaction)} was waited for until ${toInstant(until)}.`,
    owner: transaction.initiatorInstitution,
  };
}

/** What somebody was waited for in vain to report; undefined where another node has told it, or they were heard of. */
function missedAt({ awaitedUntil, overdueVersion, state, version, detail }: StoredTransaction, now: number) {
  const events = stateRuleOf(lifeCycleOf(detail), state).awaits?.events ?? [];
  const [event] = events;
  return awaitedUntil === null || awaitedUntil > now || overdueVersion === version || event === undefined
    ? undefined
    : { event, events, until: awaitedUntil };
}

function waitedFor(transaction: StoredTransaction): string {
  const cycle = lifeCycleOf(transaction.detail);
  const parties = partiesByPart(transaction);
  const events = stateRuleOf(cycle, transaction.state).awaits?.events ?? [];
  const actors = events.flatMap((event) => cycle.rules[event]?.actors ?? []);
  return [...new Set(actors.flatMap((actor) => parties.get(actor) ?? []))].join(' or ') || 'nobody';
}
