import type { TransactionRegistry } from '@countersign/contracts';
import { type Clock, isCodedError, parseId } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import type { LimitStore, OpenHold } from './store.ts';

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
 *
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
      if (!isCodedError(error, 'authority_unproven')) throw error;
    }
  await store.commit(reservation, attempt);
}

/** Settles every few seconds, one run at a time. */
export function createSettling(dependencies: SettleDependencies): { settle(): Promise<number>; stop(): Promise<void> } {
  const { logger } = dependencies;
  let stopped = false;
  const rounds = createRounds({
    what: 'settling reservations',
    async work() {
      const settled = await settleOpenHolds(dependencies, () => stopped);
      if (settled > 0) logger.info({ settled }, 'reservations were committed or released according to their orders');
      return settled;
    },
    logger,
    everyMs,
  });
  return {
    settle: async () => (await rounds.join()) ?? 0,
    stop() {
      stopped = true;
      return rounds.stop();
    },
  };
}
