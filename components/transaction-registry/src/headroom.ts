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
 * Reserves the amounts within every limit of policies and mandates, all or none; repeating it counts nothing twice.
 *
 * @returns CodedError `notional_per_day`, `limit_exceeded`, `limit_currency` or `limit_amount` if it does not fit
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

/** The error for the limit that is exceeded most; its facts hold the readings of all limits. */
function faultOf({ readings, exceeded, approvals }: Extract<ReserveOutcome, { outcome: 'exceeded' }>): CodedError {
  const [worst] = exceeded;
  if (worst === undefined) throw new Error('the limits were exceeded but none was named');
  const { limit, amount, headroom, max, unit } = worst;
  const found = { headroom, readings: readings.map(limitReadingJson) };
  const mandate = mandateOf(worst);
  if (mandate !== undefined && isNotionalOfDay(worst))
    return transactionErrors.error(
      'notional_per_day',
      `The order of ${amount} ${unit} exceeds the ${headroom} left today of the limit of ${max} of mandate ${mandate}.`,
      { facts: { mandate, ccy: unit, ...found } },
    );
  if (mandate !== undefined)
    return transactionErrors.error(
      'limit_exceeded',
      `The amount of ${amount} ${unit} exceeds the ${headroom} left of the limit ${limit} of ${max} of mandate ${mandate}.`,
      { facts: { mandate, limit, unit, ...found } },
    );
  const obligations = approvals.map(({ role, count }) =>
    obligationJson({ kind: 'approval', role, count, escalation: [] }),
  );
  return transactionErrors.error(
    'limit_exceeded',
    `The amount of ${amount} ${unit} exceeds the ${headroom} left of the limit ${limit} of ${max}.`,
    { facts: { limit, unit, ...found, ...(obligations.length === 0 ? {} : { obligations }) } },
  );
}

interface Settling {
  readonly limits: Pick<Limits, 'commit' | 'release' | 'reopen'>;
  /** Whether the transaction counts against limits, by its stored state. */
  readonly counts: (id: TransactionId) => Promise<boolean | undefined>;
  readonly logger: Logger;
}

/** Commits the reservation of a transaction. A failure does not undo the step; an open reservation is settled later. */
export async function commitHeadroom(id: TransactionId, { limits, counts, logger }: Settling): Promise<void> {
  try {
    await limits.commit(id);
  } catch (error) {
    if (policyErrors.is(error, 'reservation_conflict') && (await countsForSure(id, counts)))
      logger.error(
        { transaction: id },
        'a submitted order does not count against limits because its reservation was released',
      );
    else
      logger.warn({ error, transaction: id }, 'a reservation could not be committed; it counts and is settled later');
  }
}

/** False if the order was cancelled meanwhile, because its reservation was then released correctly. */
async function countsForSure(id: TransactionId, counts: Settling['counts']): Promise<boolean> {
  return (await counts(id).catch(() => undefined)) === true;
}

/** Reopens the reservation before a cancel, so that a crash before its commit leaves the amounts counted. */
export async function reopenHeadroom(id: TransactionId, { limits, logger }: Omit<Settling, 'counts'>): Promise<void> {
  try {
    await limits.reopen(id);
  } catch (error) {
    // Cancelling must stay possible if the limits are unavailable.
    logger.warn({ error, transaction: id }, 'a reservation could not be reopened; repeating the cancel frees it');
  }
}

/** Releases the reservation of a transaction that did not happen or was cancelled. */
export async function releaseHeadroom(id: TransactionId, { limits, logger }: Omit<Settling, 'counts'>): Promise<void> {
  try {
    await limits.release(id);
  } catch (error) {
    logger.warn({ error, transaction: id }, 'a reservation could not be released; it counts until it is settled later');
  }
}
