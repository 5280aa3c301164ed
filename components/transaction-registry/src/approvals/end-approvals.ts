import type { Actor } from '@countersign/contracts';
import { isCodedError, type TransactionId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type WithdrawDependencies, withdraw } from './withdraw-approval.ts';

const page = 100;

/**
 * Withdraws every unexpired, unused approval of a person. A repeated call continues after a failure. @returns how many
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
        // Somebody changed the rows of this transaction. It cannot proceed, so its approvals have no effect.
        if (!isCodedError(error, 'authority_unproven')) throw error;
        logger.error({ error, transaction: id }, 'the rows of an approved transaction differ from its records');
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
