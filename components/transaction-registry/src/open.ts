import {
  type EvidenceRecord,
  type OpenedTransaction,
  recordIdOfCommand,
  standing,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, parseInstant, type Random, toInstant } from '@countersign/kernel';
import { digestOfIntent, parseLei } from '@countersign/market';
import { awaitedByRule } from './approvals/awaited-keys.ts';
import { destinationKeyOf } from './destinations/destination-key.ts';
import { intentJson, partiesOf } from './facts.ts';
import { transactionClaim } from './proof/held.ts';
import type { RegistryLog, Store, Unit } from './proof/proven-store.ts';
import { changeAbout, strategyOf } from './records.ts';
import type { StoredTransaction } from './store.ts';
import { tradeStanding } from './trades/trade-standing.ts';

export interface OpenDependencies {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly clock: Clock;
  readonly random: Random;
}

type OpenRequest = Parameters<TransactionRegistry['open']>[0];

/** Gives an intent its transaction; see the contract. */
export async function openTransaction(
  request: OpenRequest,
  dependencies: OpenDependencies,
): Promise<OpenedTransaction> {
  const row = newTransaction(request, dependencies);
  try {
    return await dependencies.store.inUnit((unit) => open(row, request, unit, dependencies));
  } catch (error) {
    if (!isCodedError(error, 'record_identity_taken')) throw error;
    const recorded = (await dependencies.audit.find(row.openedRecordId))?.record;
    if (recorded === undefined) throw error;
    return dependencies.store.inUnit((unit) => store(asRecorded(row, recorded), unit));
  }
}

async function open(
  row: StoredTransaction,
  request: OpenRequest,
  unit: Unit,
  { audit }: OpenDependencies,
): Promise<OpenedTransaction> {
  if (!(await unit.insert(row, awaitedByRule(row)))) return sameAgain(await earlierOf(row, unit), row);
  const trade = await tradeStanding(row, unit);
  if (trade.kind === 'fault') throw trade.fault;
  const claim = transactionClaim({ transaction: row, steps: [], exceptions: [], uses: [] });
  await audit.append({
    ...changeAbout(row),
    id: row.openedRecordId,
    type: 'transaction.opened',
    outcome: 'done',
    references: [
      row.mandate.recordId,
      ...(trade.kind === 'stands' ? trade.trades.map(({ recordId }) => recordId) : []),
    ],
    subject: request.initiator,
    client: row.client,
    standing: [standing(claim.of, claim.content)],
    data: { intent_type: row.detail.type, idempotency_key: row.idempotencyKey, opened_at: toInstant(row.openedAt) },
    protectedValues: strategyOf(row.initiatorInstitution, { intent: intentJson(row) }),
  });
  return opened(row);
}

/** What a process that died had recorded, and not stored. */
async function store(row: StoredTransaction, unit: Unit): Promise<OpenedTransaction> {
  return (await unit.insert(row, awaitedByRule(row))) ? opened(row) : sameAgain(await earlierOf(row, unit), row);
}

async function earlierOf(row: StoredTransaction, unit: Unit): Promise<StoredTransaction> {
  const earlier = await unit.byKey(row.client, row.idempotencyKey);
  if (earlier === undefined) throw new Error('an idempotency key was taken and cannot be found');
  return earlier;
}

/** @throws CodedError `idempotency_conflict` where another intent was recorded under the same key */
function asRecorded(row: StoredTransaction, record: EvidenceRecord): StoredTransaction {
  const { opened_at: openedAt } = record.data as { readonly opened_at?: string };
  const at = openedAt === undefined ? undefined : parseInstant(openedAt);
  if (
    record.transaction === undefined ||
    at === undefined ||
    record.intent !== row.intentDigest ||
    record.subject?.id !== row.initiator ||
    record.subject.institution !== row.initiatorInstitution ||
    record.mandate?.id !== row.mandate.id ||
    record.mandate.version !== row.mandate.version
  )
    throw idempotencyConflict();
  return { ...row, id: record.transaction, openedAt: at };
}

function newTransaction(
  { detail, mandate, initiator, client }: OpenRequest,
  from: { clock: Clock; random: Random },
): StoredTransaction {
  // Both come from our own side, checked before: a difference is our bug, not the caller's.
  if (detail.mandate_id !== mandate.id) throw new Error('an intent was opened under another mandate than it names');
  const institution = parseLei(initiator.institution);
  if (!institution.ok) throw new Error('a transaction was opened for no institution');
  const now = from.clock.now();
  if (!((parseInstant(detail.not_after) ?? 0) > now))
    throw transactionErrors.error('intent_expired', `The intent was good until ${detail.not_after}.`);
  const openedRecordId = recordIdOfCommand({ opened: detail.idempotency_key, client });
  return {
    id: newId('transaction', from),
    client,
    idempotencyKey: detail.idempotency_key,
    detail,
    intentDigest: digestOfIntent(detail),
    initiator: initiator.id,
    initiatorInstitution: institution.value,
    mandate,
    state: 'intended',
    version: 0,
    lastRecordId: openedRecordId,
    openedRecordId,
    openedAt: now,
    parties: partiesOf({ detail, initiatorInstitution: institution.value }),
    awaitedUntil: null,
    overdueVersion: null,
    destinationKey: destinationKeyOf(detail) ?? null,
    destinationDigest: null,
    carriedBy: null,
    approvalsAwaited: null,
    changedRecordId: openedRecordId,
  };
}

/** The intent again, by the same person: then it is the same transaction. */
function sameAgain(earlier: StoredTransaction, asked: StoredTransaction): OpenedTransaction {
  if (
    earlier.intentDigest !== asked.intentDigest ||
    earlier.initiator !== asked.initiator ||
    earlier.initiatorInstitution !== asked.initiatorInstitution
  )
    throw idempotencyConflict();
  return opened(earlier);
}

function idempotencyConflict() {
  return transactionErrors.error('idempotency_conflict', 'This idempotency key was used for another intent.');
}

function opened({ id, intentDigest, state, openedRecordId }: StoredTransaction): OpenedTransaction {
  return { id, intentDigest, state, recordId: openedRecordId };
}
