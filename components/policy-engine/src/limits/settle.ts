import { type LimitWindow, standingErrors, type TransactionRegistry } from '@countersign/contracts';
import { type Clock, parseId } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import type { LimitStore, OpenHold, Stretch } from './store.ts';

/** Minimum age of an open reservation before we ask about its order. A shorter time would only cause more useless questions. */
const patienceMs = 30_000;
const everyMs = 5_000;
const pageSize = 100;

interface SettleDependencies {
  readonly store: Pick<LimitStore, 'open' | 'commit'> & {
    release(reservation: string, attempt: number): Promise<void>;
  };
  readonly transactions: Pick<TransactionRegistry, 'countsAgainstLimits'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Settles reservations that a dead process left open: those of existing orders are committed, others are released. A reservation
 * with an unknown outcome keeps counting and is checked again.
 * @returns the number of settled reservations
 */
async function settleOpenHolds(
  { store, transactions, clock, logger }: SettleDependencies,
  stopped: () => boolean,
): Promise<number> {
  const before = clock.now() - patienceMs;
  let settled = 0;
  let last: OpenHold | undefined;
  for (;;) {
    const page = await store.open(before, last, pageSize);
    for (const hold of page) {
      if (stopped()) return settled;
      try {
        await settle(hold, { store, transactions });
        settled += 1;
      } catch (error) {
        // Continue with the others.
        logger.warn({ error, reservation: hold.reservation }, 'a reservation cannot be settled yet');
      }
    }
    last = page.at(-1);
    if (page.length < pageSize) return settled;
  }
}

async function settle(
  { reservation, attempt }: OpenHold,
  { store, transactions }: Pick<SettleDependencies, 'store' | 'transactions'>,
): Promise<void> {
  const transaction = parseId('transaction', reservation);
  const counts = transaction !== undefined && (await transactions.countsAgainstLimits(transaction)) === true;
  // Commit and release do nothing if the reservation was requested again in the meantime (`attempt`).
  if (!counts)
    try {
      await store.release(reservation, attempt);
      return;
    } catch (error) {
      // A tampered or already released hold gives nothing back; it counts until its windows have passed.
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
    }
  await store.commit(reservation, attempt);
}

/** Settles every few seconds, one run at a time. */
export function createSettling(dependencies: SettleDependencies): { settle(): Promise<number>; stop(): Promise<void> } {
  const { logger } = dependencies;
  let settled = 0;
  let stopped = false;
  const rounds = createRounds({
    what: 'settling of open reservations',
    async work() {
      settled = await settleOpenHolds(dependencies, () => stopped);
      if (settled > 0) logger.info({ settled }, 'open reservations were settled by the state of their orders');
    },
    logger,
    everyMs,
  });
  return {
    settle: () => rounds.run().then(() => settled),
    stop() {
      stopped = true;
      return rounds.stop();
    },
  };
}

/** A window with a sum; the window of a single order needs none. */
export type SummedWindow = Exclude<LimitWindow, { readonly kind: 'order' }>;

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const bucketsPerWindow = 96;
const narrowestBucketMs = 1000;

/** The period whose sum an amount taken at `at` is added to. */
export function bucketOf(window: SummedWindow, at: number): Stretch {
  if (window.kind === 'day') return dayOf(window.day);
  const width = Math.max(narrowestBucketMs, Math.ceil((window.seconds * 1000) / bucketsPerWindow));
  const starts = Math.floor(at / width) * width;
  return { starts, ends: starts + width };
}

/**
 * The period that counts at `at`. A bucket counts as long as it overlaps, so that a sum is never too low. A rolling window has no
 * end, so that amounts taken by a node with a faster clock count as well.
 */
export function countedAt(window: SummedWindow, at: number): Stretch {
  return window.kind === 'day'
    ? dayOf(window.day)
    : { starts: at - window.seconds * 1000, ends: Number.MAX_SAFE_INTEGER };
}

/**
 * The start of the seal at the next write: all sums that count at `at`, also for a node whose clock is behind by less than a quarter
 * of the window and less than an hour.
 */
export function sealedFrom(window: SummedWindow, at: number): number {
  const { starts } = countedAt(window, at);
  const quarterMs = window.kind === 'day' ? dayMs / 4 : window.seconds * 250;
  return Math.floor(starts - Math.min(quarterMs, hourMs));
}

/** When the bucket stops counting in this window. */
export function expiryOf(window: SummedWindow, bucket: Stretch): number {
  return window.kind === 'day' ? bucket.ends : bucket.ends + window.seconds * 1000;
}

/** The name of the window in a reading: `order`, an ISO 8601 duration, or a day. */
export function windowText(window: LimitWindow): string {
  switch (window.kind) {
    case 'order':
      return 'order';
    case 'rolling':
      return `PT${window.seconds}S`;
    case 'day':
      return window.day;
  }
}

function dayOf(day: string): Stretch {
  const starts = Date.parse(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(starts))
    throw new Error(`the day of a limit is invalid: ${day}`);
  return { starts, ends: starts + dayMs };
}
