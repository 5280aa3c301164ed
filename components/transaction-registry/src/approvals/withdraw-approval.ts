import {
  type Actor,
  type Approval,
  ended,
  type RecordDraft,
  type Requester,
  recordedRequester,
  recordIdAfter,
  standingErrors,
  transactionErrors,
} from '@countersign/contracts';
import { type ApprovalId, type Clock, defined, type Random, type TransactionId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type OneRecordSteps, type RecordedSubject, recordOnce } from '../proof/commands.ts';
import { approvalClaim } from '../proof/held.ts';
import type { RegistryLog, Store } from '../proof/proven-store.ts';
import { changeAbout, recordAbout } from '../records.ts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';
import { publicPart } from './give.ts';

export interface WithdrawDependencies {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly clock: Clock;
  readonly random: Random;
}

interface Withdrawing {
  readonly transaction: TransactionId;
  readonly approval: ApprovalId;
  readonly by: Requester;
  /** Absent if the approver withdraws it. */
  readonly reason: string | undefined;
}
interface Standing {
  readonly transaction: StoredTransaction;
  readonly given: StoredApproval;
}

export async function withdrawApproval(
  transaction: TransactionId,
  approval: ApprovalId,
  by: Requester,
  dependencies: WithdrawDependencies,
): Promise<Approval> {
  return publicPart(await withdraw({ transaction, approval, by, reason: undefined }, dependencies));
}

/** @returns the approval afterwards; unchanged if a step relies on it and the approver did not ask */
function withdraw(withdrawing: Withdrawing, dependencies: WithdrawDependencies): Promise<StoredApproval> {
  return recordOnce(withdrawal(dependencies), withdrawals, dependencies, withdrawing);
}

function withdrawal(
  from: WithdrawDependencies,
): OneRecordSteps<Withdrawing, Standing, Standing, void, StoredApproval, StoredApproval> {
  return {
    async facts(_, { ask, row }) {
      // For everyone but the approver the approval does not exist.
      if (row === undefined || (ask.reason === undefined && row.given.approver !== ask.by.id))
        throw transactionErrors.error('approval_not_found', 'You have not given this approval.');
      return row;
    },
    done: ({ ask, facts: { given } }) =>
      given.withdrawn !== undefined || (ask.reason !== undefined && given.usedVersion !== undefined)
        ? given
        : undefined,
    async check({ facts: { transaction, given } }) {
      if (given.usedVersion !== undefined)
        throw transactionErrors.error(
          'approval_used',
          `The transaction is ${transaction.state} and relies on this approval, so it can no longer be withdrawn.`,
          { facts: { state: transaction.state } },
        );
    },
    once: ({ facts: { given } }) => recordIdAfter(approvalClaim(given).of, given.recordId),
    next: ({ facts: { given } }) => given,
    before: async () => undefined,
    record: ({ ask: { by, reason }, facts: { transaction, given } }): Omit<RecordDraft, 'id'> => ({
      ...changeAbout(transaction),
      type: 'approval.withdrawn',
      outcome: 'done',
      references: [given.recordId],
      ...recordedRequester(by),
      standing: [ended(approvalClaim(given).of)],
      data: {
        approval_id: given.id,
        approver: given.approver,
        institution: given.institution,
        role: given.role,
        ...defined({ reason }),
      },
    }),
    // Recorded even if somebody tries to withdraw another person's approval.
    refused: (error, { ask, row }) =>
      row === undefined || !Object.hasOwn(transactionErrors.codes, error.code)
        ? undefined
        : {
            ...recordAbout(row.transaction, from),
            type: 'approval.refused',
            outcome: 'deny',
            reason: error.code,
            references: [row.given.recordId],
            ...recordedRequester(ask.by),
            data: { approval_id: row.given.id, state: row.transaction.state, detail: error.detail },
          },
    after: async () => undefined,
    release: (withdrawn) => withdrawn,
  };
}

const withdrawals: RecordedSubject<Withdrawing, Standing, StoredApproval> = {
  async hold(unit, ask) {
    const transaction = await unit.lock(ask.transaction);
    const given = transaction && (await unit.approvals(transaction.id)).find(({ id }) => id === ask.approval);
    return transaction && given && { transaction, given };
  },
  recorded: (given, { time, record }) => ({ ...given, withdrawn: { at: time, recordId: record } }),
  async put(unit, { id, withdrawn }) {
    if (withdrawn !== undefined) await unit.withdraw(id, withdrawn);
  },
};

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
        if (!standingErrors.is(error, 'authority_unproven')) throw error;
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
