import { Refusal } from '@countersign/commands';
import {
  type Approval,
  type BatchApproval,
  type Directory,
  type Independence,
  type RecordDraft,
  recordIdOfCommand,
  type ShownToApprover,
  transactionErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type Digest,
  defined,
  isCodedError,
  newId,
  type Random,
  type TransactionId,
} from '@countersign/kernel';
import type { ApprovalClaims, SignedItem } from './approvals/approval-claims.ts';
import { actorOf, approvalOf, asGiven, type Given, givenRecord, publicPart } from './approvals/give.ts';
import { type Approver, judge } from './approvals/judge.ts';
import {
  type ApprovalAsPresented,
  digestOfPresented,
  type Read,
  type ReadingDependencies,
  readApproval,
  readBatch,
} from './approvals/read-approval.ts';
import type { AccountDependencies, AuthenticatorsHeld } from './approvals/standing.ts';
import { type OneRecordSteps, type RecordedSubject, recordAll, recordOnce } from './proof/commands.ts';
import type { RegistryLog, Store } from './proof/proven-store.ts';
import { recordAbout } from './records.ts';
import type { StoredApproval } from './store/approvals.ts';
import type { StoredTransaction } from './store/store.ts';

export interface ApproveDependencies extends ReadingDependencies {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly independence: Independence;
  readonly authenticators?: AuthenticatorsHeld;
  readonly signalsOf?: AccountDependencies['signalsOf'];
  readonly clock: Clock;
  readonly random: Random;
}

interface Approving {
  readonly transaction: TransactionId;
  readonly brought: ApprovalAsPresented;
  readonly read: Read<{ readonly claims: ApprovalClaims; readonly item: SignedItem }>;
  readonly shown?: ShownToApprover | undefined;
  readonly root?: Digest;
}

interface PresentedApproval {
  readonly brought: ApprovalAsPresented;
  readonly read: { readonly approver?: Approver };
}

export async function approveTransaction(
  transaction: TransactionId,
  brought: ApprovalAsPresented,
  shown: ShownToApprover | undefined,
  dependencies: ApproveDependencies,
): Promise<Approval> {
  const read = await readApproval(brought, dependencies);
  return recordOnce(approving(dependencies), approvals(dependencies), dependencies, {
    transaction,
    brought,
    read,
    shown,
  });
}

function approving(
  dependencies: ApproveDependencies,
): OneRecordSteps<Approving, StoredTransaction, StoredTransaction, Given, StoredApproval, Approval> {
  return {
    async facts(_, { ask, row }) {
      const { root, read } = ask;
      // A batch may name transactions that the signer's institution must not learn about.
      const institution = read.approver?.principal.institution ?? '';
      if (row !== undefined && (root === undefined || row.parties.includes(institution))) return row;
      const unknown = notFound(ask);
      throw root === undefined ? unknown : new Refusal(unknown, [unnamedRefusal(ask, unknown, dependencies)]);
    },
    done: () => undefined,
    async check({ ask, facts: transaction }, unit) {
      const { read, brought, shown, root } = ask;
      if ('fault' in read) throw read.fault;
      const judged = await judge({ ...read.signed, approver: read.approver }, transaction, unit, dependencies);
      if (!judged.counts) throw root === undefined ? judged.fault : naming(transaction.id, judged.fault);
      const { claims } = read.signed;
      return { transaction, approver: read.approver, claims, role: judged.role, brought, shown, root };
    },
    once: ({ found: { transaction, approver, claims } }) =>
      recordIdOfCommand({ approval: transaction.id, approver: approver.principal.id, token: claims.jti }),
    next: ({ found }, record) => approvalOf(found, record, dependencies),
    before: async () => undefined,
    record: ({ found }, approval) => givenRecord(approval, found, dependencies.directory.snapshot()),
    refused: (error, { ask, facts }) =>
      facts === undefined || !Object.hasOwn(transactionErrors.codes, error.code)
        ? undefined
        : approvalRefused(facts, ask, error, dependencies),
    after: async () => undefined,
    release: publicPart,
  };
}

function approvals(dependencies: ApproveDependencies): RecordedSubject<Approving, StoredTransaction, StoredApproval> {
  return {
    hold: (unit, { transaction }) => unit.lock(transaction),
    /** Newest first, so that two batches never deadlock, nor a batch and a withdrawal that locks its older address book entry. */
    inLockOrder: (asks) => asks.toSorted((one, other) => (one.transaction < other.transaction ? 1 : -1)),
    recorded(approval, { before }, { ask, row }) {
      try {
        return asGiven(approval, before);
      } catch (error) {
        throw isCodedError(error) && row !== undefined
          ? new Refusal(error, [approvalRefused(row, ask, error, dependencies)])
          : error;
      }
    },
    put: (unit, approval) => unit.putApproval(approval),
  };
}

function approvalRefused(
  transaction: StoredTransaction,
  ask: Approving,
  fault: CodedError,
  from: { readonly clock: Clock; readonly random: Random },
): RecordDraft {
  return {
    ...recordAbout(transaction, from),
    ...refusedBy(ask, fault),
    references: [transaction.openedRecordId],
    data: {
      state: transaction.state,
      detail: fault.detail,
      ...defined({ batch_root: ask.root }),
    },
  };
}

function unnamedRefusal(
  ask: PresentedApproval,
  fault: CodedError,
  from: { readonly clock: Clock; readonly random: Random },
): RecordDraft {
  return {
    id: newId('record', from),
    source: 'transaction-registry',
    ...refusedBy(ask, fault),
    data: { detail: fault.detail },
  };
}

function refusedBy({ brought, read: { approver } }: PresentedApproval, fault: CodedError) {
  return {
    type: 'approval.refused',
    outcome: 'deny',
    reason: fault.code,
    // Only if the signature was genuine.
    ...(approver === undefined ? {} : { subject: actorOf(approver) }),
    payload: digestOfPresented(brought),
  } as const satisfies Partial<RecordDraft>;
}

function notFound({ transaction, root }: Approving): CodedError {
  return root === undefined
    ? transactionErrors.error('transaction_not_found', 'The transaction does not exist.')
    : transactionErrors.error('transaction_not_found', 'The transaction does not exist, or you have no access to it.', {
        facts: { transaction },
      });
}

function naming(transaction: TransactionId, { code, detail, facts }: CodedError): CodedError {
  const known = Object.keys(transactionErrors.codes).find(
    (candidate): candidate is keyof typeof transactionErrors.codes => candidate === code,
  );
  if (known === undefined) throw new Error(`a rule of approvals refused with ${code}`);
  return transactionErrors.error(known, detail, { facts: { ...facts, transaction } });
}

export async function approveBatch(
  brought: ApprovalAsPresented,
  shown: ReadonlyMap<TransactionId, ShownToApprover> | undefined,
  dependencies: ApproveDependencies,
): Promise<BatchApproval> {
  const read = await readBatch(brought, dependencies);
  if ('fault' in read) return refuse(read.fault);
  // A list shown on our page must be exactly the signed list, not one from another open page.
  const isShown = ({ txn }: SignedItem) => shown === undefined || shown.has(txn);
  if ((shown !== undefined && shown.size !== read.signed.items.length) || !read.signed.items.every(isShown))
    return refuse(
      transactionErrors.error(
        'approval_batch_root',
        'The signed list is not the list that was shown. Review and sign it again.',
      ),
    );
  const { signed, approver } = read;
  const { claims, items, root } = signed;
  const asks = items.map(
    (item): Approving => ({
      transaction: item.txn,
      brought,
      read: { signed: { claims, item }, approver },
      shown: shown?.get(item.txn),
      root,
    }),
  );
  return { root, approvals: await recordAll(approving(dependencies), approvals(dependencies), dependencies, asks) };

  async function refuse(fault: CodedError): Promise<never> {
    await dependencies.audit.append(unnamedRefusal({ brought, read }, fault, dependencies));
    throw fault;
  }
}
