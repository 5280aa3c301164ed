import type { Actor } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type WithdrawDependencies, withdraw } from '../withdraw-approval.ts';

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
      ended += await store
        .inUnit(async (unit) => {
          const transaction = await unit.lock(id);
          if (transaction === undefined) return 0;
          const open = (await unit.approvals(id)).filter(
            (given) =>
              given.approver === approver &&
              given.withdrawn === undefined &&
              given.usedVersion === undefined &&
              Date.parse(given.expiresAt) > clock.now(),
          );
          for (const given of open) await withdraw(given, transaction, { by, reason }, unit, dependencies);
          return open.length;
        })
        .catch((error: unknown) => {
          // Somebody has changed its rows: nobody carries it on, so that no approval of it counts.
          if (!isCodedError(error, 'authority_unproven')) throw error;
          logger.error({ error, transaction: id }, 'a transaction that was approved is not as it was recorded');
          return 0;
        });
    if (transactions.length < page) return ended;
  }
}
