import type { Actor } from '@countersign/contracts';
import { standingErrors } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type WithdrawDependencies, withdraw } from './withdraw-approval.ts';

/** So many transactions are asked for at once. */
const page = 100;

/**
 * Takes back every approval of a person that has not run out and that nothing rests on yet: each recorded before it takes effect. When it fails
 * midway, what was taken back stays so, and asking again goes on from there.
 *
 * @returns how many this call took back
 */
export async function endApprovalsOf(
  approver: string,
  by: Actor,
  reason: string,
  dependencies: WithdrawDependencies & { readonly logger: Logger },
): Promise<number> {
  const { store, clock, logger } = dependencies;
  let ended = 0;
  for (;;) {
    const transactions = await store.openApprovalsBy(approver, clock.now(), page);
    for (const id of transactions)
      ended += await endIn(id).catch((error: unknown) => {
        // Somebody has changed its rows: nobody carries it on, so that no approval of it counts.
        if (!standingErrors.is(error, 'authority_unproven')) throw error;
        logger.error({ error, transaction: id }, 'a transaction that was approved is not as it was recorded');
        return 0;
      });
    if (transactions.length < page) return ended;
  }

  async function endIn(transaction: TransactionId): Promise<number> {
    let inThis = 0;
    for (const given of await store.approvals(transaction)) {
      if (given.approver !== approver || given.withdrawn !== undefined || given.usedVersion !== undefined) continue;
      if (!(Date.parse(given.expiresAt) > clock.now())) continue;
      const { withdrawn } = await withdraw({ transaction, approval: given.id, by, reason }, dependencies);
      if (withdrawn !== undefined) inThis += 1;
    }
    return inThis;
  }
}
