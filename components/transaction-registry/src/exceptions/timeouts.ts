import { toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { lifeCycleOf, partiesByPart, stateRuleOf } from '../life-cycles/index.ts';
import type { StoredException, StoredTransaction } from '../store/store.ts';
import { type Raised, raiseWhereDue } from './raise.ts';

type Dependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random' | 'logger' | 'exceptionTimes'>;

/** Once for each missed deadline across all nodes. @returns how many exceptions this call raised */
export async function raiseTimeouts(limit: number, dependencies: Dependencies): Promise<number> {
  const { store, clock, logger } = dependencies;
  const after = async (transaction: StoredTransaction, now: number): Promise<void> => {
    if (missedAt(transaction, now) !== undefined) await store.tellOverdue(transaction);
  };
  let told = 0;
  for (const id of await store.overdueLives(clock.now(), limit)) {
    try {
      told += (await raiseWhereDue({ transaction: id, look, after }, dependencies)) ? 1 : 0;
    } catch (error) {
      // A failure must not hold up the others; the next sweep tries again.
      logger.warn({ error, transaction: id }, 'the exception for a time-out could not be raised');
    }
  }
  return told;
}

function look(transaction: StoredTransaction, open: readonly StoredException[], now: number): Raised | undefined {
  const awaited = missedAt(transaction, now);
  if (awaited === undefined) return undefined;
  const { event, events, until } = awaited;
  // The exception may be open from an earlier wait.
  if (open.some((exception) => exception.cause === 'partner-timeout' && exception.event === event)) return undefined;
  return {
    cause: 'partner-timeout',
    event,
    reason: 'partner_not_heard_of',
    detail: `${events.join(' or ')} by ${waitedFor(transaction)} was due by ${toInstant(until)}.`,
    owner: transaction.initiatorInstitution,
  };
}

/** The awaited events whose deadline has passed; undefined if none, or another node has raised the exception. */
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
