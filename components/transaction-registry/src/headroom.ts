import {
  type LimitReading,
  type Limits,
  limitReadingJson,
  type Mandate,
  obligationJson,
  policyErrors,
  type ReserveOutcome,
  type Standing,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, isCodedError, type TransactionId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { Attempt } from './attempt.ts';
import { factsOf } from './facts.ts';
import { isNotionalOfDay, mandateLimits, mandateOf } from './mandate-limits.ts';

/**
 * Takes an intent's amounts out of the headroom of every limit of the policies and of every mandate it rests on, all
 * or none. Asking again for the same transaction counts nothing twice.
 *
 * @returns the readings, and what the record of the step says of the counters; or why it may not go on, which is to be recorded: CodedError `notional_per_day` or
 *   `limit_exceeded` when there is not enough left, `limit_currency` or `limit_amount` when it cannot be counted
 */
export async function reserveHeadroom(
  { transaction, approvals, now, known }: Pick<Attempt, 'transaction' | 'approvals' | 'now' | 'known'>,
  mandates: readonly Mandate[],
  limits: Pick<Limits, 'reserve'>,
): Promise<
  | { readonly readings: readonly LimitReading[]; readonly standing: readonly Standing[] }
  | { readonly fault: CodedError }
> {
  try {
    const outcome = await limits.reserve({
      reservation: transaction.id,
      facts: factsOf(transaction, approvals, known),
      at: now,
      further: mandateLimits(transaction, mandates, now),
    });
    return outcome.outcome === 'reserved'
      ? { readings: outcome.readings, standing: outcome.standing ?? [] }
      : { fault: faultOf(outcome) };
  } catch (error) {
    if (isCodedError(error) && Object.hasOwn(policyErrors.codes, error.code)) return { fault: error };
    throw error;
  }
}

/** The limit that is passed furthest speaks; the facts hold what all were found at. */
function faultOf({ readings, exceeded, approvals }: Extract<ReserveOutcome, { outcome: 'exceeded' }>): CodedError {
  const [worst] = exceeded;
  if (worst === undefined) throw new Error('limits were exceeded, and none of them is named');
  const { limit, amount, headroom, most, unit } = worst;
  const found = { headroom, readings: readings.map(limitReadingJson) };
  const mandate = mandateOf(worst);
  if (mandate !== undefined && isNotionalOfDay(worst))
    return transactionErrors.error(
      'notional_per_day',
      `The order of ${amount} ${unit} is above the ${headroom} left today of ${mandate}'s limit of ${most}.`,
      { facts: { mandate, ccy: unit, ...found } },
    );
  if (mandate !== undefined)
    return transactionErrors.error(
      'limit_exceeded',
      `The ${amount} ${unit} are above the ${headroom} left of the limit ${limit} of ${most} that ${mandate} has.`,
      { facts: { mandate, limit, unit, ...found } },
    );
  const obligations = approvals.map(({ role, count }) =>
    obligationJson({ kind: 'approval', role, count, escalation: [] }),
  );
  return transactionErrors.error(
    'limit_exceeded',
    `The ${amount} ${unit} are above the ${headroom} left of the limit ${limit} of ${most}.`,
    { facts: { limit, unit, ...found, ...(obligations.length === 0 ? {} : { obligations }) } },
  );
}

interface Settling {
  readonly limits: Pick<Limits, 'commit' | 'release' | 'reopen'>;
  /** Whether the order counts, by what is stored. */
  readonly counts: (id: TransactionId) => Promise<boolean | undefined>;
  readonly logger: Logger;
}

/**
 * The order stands: what is reserved for it counts for good. What fails here is made good by whoever settles what has
 * been left open; the order is not undone by it.
 */
export async function commitHeadroom(id: TransactionId, { limits, counts, logger }: Settling): Promise<void> {
  try {
    await limits.commit(id);
  } catch (error) {
    if (policyErrors.is(error, 'reservation_conflict') && (await countsForSure(id, counts)))
      logger.error(
        { transaction: id },
        'a submitted order does not count against limits: its reservation was released',
      );
    else
      logger.warn({ error, transaction: id }, 'a reservation could not be committed; it counts, and is settled later');
  }
}

/** Cancelled meanwhile, an order's reservation has rightly been released. */
async function countsForSure(id: TransactionId, counts: Settling['counts']): Promise<boolean> {
  return (await counts(id).catch(() => undefined)) === true;
}

/** Before a cancel: whether the order stands is in doubt until the cancel has been committed, whoever dies meanwhile. */
export async function reopenHeadroom(id: TransactionId, { limits, logger }: Omit<Settling, 'counts'>): Promise<void> {
  try {
    await limits.reopen(id);
  } catch (error) {
    // Cancelling stays possible when limits cannot be asked.
    logger.warn({ error, transaction: id }, 'a reservation could not be reopened; repeating the cancel frees it');
  }
}

/** What did not happen, or was cancelled, no longer counts. */
export async function releaseHeadroom(id: TransactionId, { limits, logger }: Omit<Settling, 'counts'>): Promise<void> {
  try {
    await limits.release(id);
  } catch (error) {
    logger.warn({ error, transaction: id }, 'headroom could not be given back; it counts until it is settled later');
  }
}
