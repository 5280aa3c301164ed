import { type BatchApproval, type RecordDraft, type ShownToApprover, transactionErrors } from '@countersign/contracts';
import { type CodedError, newId, type TransactionId } from '@countersign/kernel';
import type { BatchClaims, SignedItem } from './approvals/approval-claims.ts';
import type { Approver } from './approvals/approver.ts';
import { actorOf, publicPart, recordGiven } from './approvals/give.ts';
import { judge } from './approvals/judge.ts';
import { type BroughtApproval, digestOfBrought, readBatch } from './approvals/read-approval.ts';
import type { ApproveDependencies } from './approve.ts';
import type { Unit } from './proof/proven-store.ts';
import { recordAbout } from './records.ts';
import type { StoredTransaction } from './store.ts';

/**
 * Takes one signature for several transactions, all or none; see the contract. What keeps the batch from counting is
 * recorded first, for each transaction that it concerns.
 */
export async function approveBatch(
  brought: BroughtApproval,
  shown: ReadonlyMap<TransactionId, ShownToApprover> | undefined,
  dependencies: ApproveDependencies,
): Promise<BatchApproval> {
  const read = readBatch(brought, dependencies);
  if ('fault' in read) return refuseAll(brought, read.fault, read.approver, dependencies);
  const { items } = read.signed;
  // Where a page of ours asked, what was signed is the list of that page and of no other that stood open beside it.
  if (shown !== undefined && (shown.size !== items.length || items.some(({ txn }) => !shown.has(txn))))
    return refuseAll(brought, anotherList(), read.approver, dependencies);
  return dependencies.store.inUnit((unit) => giveAll({ ...read, brought, shown }, unit, dependencies));
}

interface Batch {
  readonly signed: BatchClaims;
  readonly approver: Approver;
  readonly brought: BroughtApproval;
  readonly shown: ReadonlyMap<TransactionId, ShownToApprover> | undefined;
}

/** A transaction with what was signed of it. */
interface Item {
  readonly item: SignedItem;
  readonly transaction: StoredTransaction;
}

async function giveAll(
  { signed, approver, brought, shown }: Batch,
  unit: Unit,
  dependencies: ApproveDependencies,
): Promise<BatchApproval> {
  const { items, missing } = await lockAll(signed.items, approver, unit);
  if (missing !== undefined) return refuseAll(brought, notFound(missing), approver, dependencies);
  const judged = [];
  for (const { item, transaction } of items) {
    const judgement = await judge({ claims: signed.claims, item, approver }, transaction, unit, dependencies);
    judged.push({ transaction, judgement });
  }
  const faults = judged.flatMap(({ transaction, judgement }) =>
    judgement.counts ? [] : [{ transaction, fault: about(transaction.id, judgement.fault) }],
  );
  const [first] = faults;
  if (first !== undefined) {
    await appendAll(
      faults.map(({ transaction, fault }) => ({
        ...recordAbout(transaction, dependencies),
        ...refusal(brought, fault, approver),
        references: [transaction.openedRecordId],
        data: { state: transaction.state, detail: fault.detail, batch_root: signed.root },
      })),
      dependencies,
    );
    throw first.fault;
  }
  const approvals = await settledAll(
    judged.map(async ({ transaction, judgement }) => {
      if (!judgement.counts) throw new Error('an approval that does not count was not refused');
      const { claims, root } = signed;
      const given = { transaction, approver, claims, role: judgement.role, brought, root };
      return recordGiven({ ...given, shown: shown?.get(transaction.id) }, dependencies);
    }),
  );
  for (const approval of approvals) await unit.putApproval(approval);
  return { root: signed.root, approvals: approvals.map(publicPart) };
}

/**
 * Locks the youngest first, so that two batches never wait for each other, nor for a withdrawal that looks at the older
 * entry of the address book it goes to; answers in the order signed. Whoever is no party learns not even that a transaction exists.
 */
async function lockAll(signed: readonly SignedItem[], { principal }: Approver, unit: Unit) {
  const locked = new Map<TransactionId, StoredTransaction>();
  for (const id of signed
    .map(({ txn }) => txn)
    .sort()
    .reverse()) {
    const transaction = await unit.lock(id);
    if (transaction === undefined || !transaction.parties.includes(principal.institution))
      return { items: [], missing: id };
    locked.set(id, transaction);
  }
  const items = signed.flatMap((item): readonly Item[] => {
    const transaction = locked.get(item.txn);
    return transaction === undefined ? [] : [{ item, transaction }];
  });
  return { items, missing: undefined };
}

/** Where no single transaction is at fault, or none may be named. */
async function refuseAll(
  brought: BroughtApproval,
  fault: CodedError,
  approver: Approver | undefined,
  { audit, ...from }: ApproveDependencies,
): Promise<never> {
  await audit.append({
    id: newId('record', from),
    source: 'transaction-registry',
    ...refusal(brought, fault, approver),
    data: { detail: fault.detail },
  });
  throw fault;
}

function refusal(brought: BroughtApproval, fault: CodedError, approver: Approver | undefined) {
  return {
    type: 'approval.refused',
    outcome: 'deny',
    reason: fault.code,
    ...(approver === undefined ? {} : { subject: actorOf(approver) }),
    payload: digestOfBrought(brought),
  } as const satisfies Partial<RecordDraft>;
}

/** The fault again, with the transaction that it is about. */
function about(transaction: TransactionId, { code, detail, facts }: CodedError): CodedError {
  const known = Object.keys(transactionErrors.codes).find(
    (candidate): candidate is keyof typeof transactionErrors.codes => candidate === code,
  );
  if (known === undefined) throw new Error(`a rule of approvals refused with ${code}`);
  return transactionErrors.error(known, detail, { facts: { ...facts, transaction } });
}

function anotherList(): CodedError {
  return transactionErrors.error('approval_batch_root', 'The list that was signed is not the one that was shown.');
}

function notFound(transaction: TransactionId): CodedError {
  return transactionErrors.error('transaction_not_found', 'There is no such transaction, or it is not yours to see.', {
    facts: { transaction },
  });
}

async function appendAll(drafts: readonly RecordDraft[], { audit }: ApproveDependencies): Promise<void> {
  await settledAll(drafts.map((draft) => audit.append(draft)));
}

/** Waits for every one, so that nothing goes on behind a failure; then the first failure is thrown. */
async function settledAll<Value>(work: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
