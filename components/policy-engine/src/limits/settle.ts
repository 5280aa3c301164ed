import type { TransactionRegistry } from '@countersign/contracts';
import { standingErrors } from '@countersign/contracts';
import { type Clock, parseId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { LimitStore, OpenHold } from './store.ts';

/**
 * So long an order may take from its reservation to its end before anybody else asks what became of it. It decides only
 * how often we ask in vain: asking waits for an order that is under way.
 */
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
 * Settles what a process left behind when it died, or could not settle itself: an order that stands counts for good,
 * another no longer. Where nobody can tell, it goes on counting, and is asked about again.
 *
 * @returns how many were settled
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
        // One that cannot be settled keeps no other waiting.
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
  // Whoever has asked for it since we looked knows more than we: then neither of the two does anything.
  if (!counts)
    try {
      await store.release(reservation, attempt);
      return;
    } catch (error) {
      // What is not as it was stored, or was released before, gives nothing back: it counts until its windows have passed.
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
    }
  await store.commit(reservation, attempt);
}

/** Settles every few seconds until it is stopped, one run at a time. */
export function createSettling(dependencies: SettleDependencies): { settle(): Promise<number>; stop(): Promise<void> } {
  const { logger } = dependencies;
  let running: Promise<number> | undefined;
  let stopped = false;
  function settle(): Promise<number> {
    running ??= settleOpenHolds(dependencies, () => stopped).finally(() => {
      running = undefined;
    });
    return running;
  }
  const timer = setInterval(() => {
    settle().then(
      (settled) => {
        if (settled > 0) logger.info({ settled }, 'reservations were settled by what became of their orders');
      },
      (error: unknown) => logger.warn({ error }, 'reservations could not be settled'),
    );
  }, everyMs);
  timer.unref();
  return {
    settle,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}
