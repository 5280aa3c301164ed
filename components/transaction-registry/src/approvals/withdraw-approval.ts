import {
  type Approval,
  ended,
  type RecordDraft,
  type Requester,
  recordedRequester,
  recordIdAfter,
  transactionErrors,
} from '@countersign/contracts';
import { type ApprovalId, type Clock, defined, type Random, type TransactionId } from '@countersign/kernel';
import { type SayingSteps, type Sayings, say } from '../proof/commands.ts';
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
export function withdraw(withdrawing: Withdrawing, dependencies: WithdrawDependencies): Promise<StoredApproval> {
  return say(withdrawal(dependencies), withdrawals, dependencies, withdrawing);
}

function withdrawal(
  from: WithdrawDependencies,
): SayingSteps<Withdrawing, Standing, Standing, void, StoredApproval, StoredApproval> {
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

const withdrawals: Sayings<Withdrawing, Standing, StoredApproval> = {
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
