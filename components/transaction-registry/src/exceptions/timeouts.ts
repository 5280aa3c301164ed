import type { TransactionId } from '@countersign/kernel';
import { toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import { partiesByPart } from '../life-cycles/parties-by-part.ts';
import type { Unit } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store.ts';
import { raiseException } from './raise.ts';

type Dependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random' | 'logger' | 'exceptionTimes'>;

/**
 * Tells of everyone who was waited for and not heard of, once for each wait, however many nodes look.
 *
 * @returns how many exceptions were raised by this call
 */
export async function tellTimeouts(limit: number, dependencies: Dependencies): Promise<number> {
  const { store, clock, logger } = dependencies;
  let told = 0;
  for (const id of await store.overdueLives(clock.now(), limit)) {
    try {
      told += (await store.inUnit((unit) => tell(id, unit, dependencies))) ? 1 : 0;
    } catch (error) {
      // One that cannot be told of keeps no other waiting; the next sweep comes back to it.
      logger.warn({ error, transaction: id }, 'a time-out could not be told of yet');
    }
  }
  return told;
}

async function tell(id: TransactionId, unit: Unit, dependencies: Dependencies): Promise<boolean> {
  const transaction = await unit.lock(id);
  if (transaction === undefined) return false;
  const { awaitedUntil, overdueVersion, state, version, detail } = transaction;
  const awaits = stateRuleOf(lifeCycleOf(detail), state).awaits;
  const [event] = awaits?.events ?? [];
  // Another node has told it, or they were heard of, while this one waited.
  if (awaitedUntil === null || awaitedUntil > dependencies.clock.now() || overdueVersion === version) return false;
  if (awaits === undefined || event === undefined) return false;
  const open = await unit.openExceptions(id);
  const stands = open.some((exception) => exception.cause === 'partner-timeout' && exception.event === event);
  if (!stands)
    await raiseException(
      transaction,
      {
        cause: 'partner-timeout',
        event,
        reason: 'partner_not_heard_of',
        detail: `${awaits.events.join(' or ')} of ${waitedFor(transaction)} was waited for until ${toInstant(awaitedUntil)}.`,
        owner: transaction.initiatorInstitution,
      },
      unit,
      dependencies,
    );
  await unit.tellOverdue(transaction);
  return !stands;
}

function waitedFor(transaction: StoredTransaction): string {
  const cycle = lifeCycleOf(transaction.detail);
  const parties = partiesByPart(transaction);
  const events = stateRuleOf(cycle, transaction.state).awaits?.events ?? [];
  const actors = events.flatMap((event) => cycle.rules[event]?.actors ?? []);
  return [...new Set(actors.flatMap((actor) => parties.get(actor) ?? []))].join(' or ') || 'nobody';
}
