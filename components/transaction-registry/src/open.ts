import {
  type EvidenceRecord,
  recordIdOfCommand,
  standing,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, newId, parseInstant, type Random, toInstant } from '@countersign/kernel';
import { digestOfIntent, parseLei } from '@countersign/market';
import { awaitedByRule } from './approvals/quorum.ts';
import type { TransitionDependencies } from './attempt.ts';
import { destinationKeyOf } from './destinations/destinations.ts';
import { intentJson, partiesOf } from './facts.ts';
import { type OneRecordSteps, type RecordedSubject, recordOnce } from './proof/commands.ts';
import { transactionClaim } from './proof/held.ts';
import type { Unit } from './proof/proven-store.ts';
import { changeAbout, strategyOf } from './records.ts';
import type { StoredTransaction } from './store/store.ts';
import { type TradeStanding, tradeStanding } from './trades/trade-standing.ts';

export type OpenDependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random'>;

type OpenRequest = Parameters<TransactionRegistry['open']>[0];

interface Opening {
  readonly request: OpenRequest;
  readonly row: StoredTransaction;
}

export async function openTransaction(
  request: OpenRequest,
  dependencies: OpenDependencies,
): Promise<{ readonly transaction: StoredTransaction; readonly isNew: boolean }> {
  const row = newTransaction(request, dependencies);
  const transaction = await recordOnce(opening, openings(dependencies), dependencies, { request, row });
  return { transaction, isNew: transaction.id === row.id };
}

/** The caller, the token endpoint, records refusals. */
const opening: OneRecordSteps<
  Opening,
  StoredTransaction,
  TradeStanding,
  TradeStanding,
  StoredTransaction,
  StoredTransaction
> = {
  // The trades of an existing transaction were checked when it was opened.
  facts: async (unit, { ask, row }) => (row === undefined ? tradeStanding(ask.row, unit) : { kind: 'none' }),
  done: ({ ask, row }) => (row !== undefined && isSame(row, ask.row) ? row : undefined),
  async check({ row, facts }) {
    if (row !== undefined) throw idempotencyConflict();
    if (facts.kind === 'fault') throw facts.fault;
    return facts;
  },
  once: ({ ask }) => ask.row.openedRecordId,
  next: ({ ask }) => ask.row,
  before: async () => undefined,
  record({ ask: { request }, found }, row) {
    const claim = transactionClaim({ transaction: row, steps: [], exceptions: [], uses: [] });
    return {
      ...changeAbout(row),
      type: 'transaction.opened',
      outcome: 'done',
      references: [
        row.mandate.recordId,
        ...(found.kind === 'usable' ? found.trades.map(({ recordId }) => recordId) : []),
      ],
      subject: request.initiator,
      client: row.client,
      standing: [standing(claim.of, claim.content)],
      data: { intent_type: row.detail.type, idempotency_key: row.idempotencyKey, opened_at: toInstant(row.openedAt) },
      protectedValues: strategyOf(row.initiatorInstitution, { intent: intentJson(row) }),
    };
  },
  refused: () => undefined,
  after: async () => undefined,
  release: (row) => row,
};

/** The inserted row is the lock: a second request with the same key waits for the first. */
function openings({ store, audit }: OpenDependencies): RecordedSubject<Opening, StoredTransaction, StoredTransaction> {
  return {
    async hold(unit, { row }) {
      return (await unit.insert(row, awaitedByRule(row))) ? undefined : earlierOf(row, unit);
    },
    recorded: (row) => row,
    put: async () => undefined,
    /** Stores a transaction that another process recorded but did not store. */
    async afterTaken({ row }) {
      const recorded = (await audit.find(row.openedRecordId))?.record;
      if (recorded === undefined) return;
      const before = asRecorded(row, recorded);
      await store.inUnit((unit) => unit.insert(before, awaitedByRule(before)));
    },
  };
}

async function earlierOf(row: StoredTransaction, unit: Unit): Promise<StoredTransaction> {
  const earlier = await unit.byKey(row.client, row.idempotencyKey);
  if (earlier === undefined) throw new Error('the transaction of a used idempotency key does not exist');
  return earlier;
}

/** @throws CodedError `idempotency_conflict` if a different intent was recorded under the same key */
function asRecorded(row: StoredTransaction, record: EvidenceRecord): StoredTransaction {
  // A record that this component wrote.
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
  // Both were checked before, so a difference is our bug.
  if (detail.mandate_id !== mandate.id) throw new Error('the intent names a different mandate');
  const institution = parseLei(initiator.institution);
  if (!institution.ok) throw new Error('the initiator has no valid institution');
  const now = from.clock.now();
  if (!((parseInstant(detail.not_after) ?? 0) > now))
    throw transactionErrors.error('intent_expired', `The intent expired at ${detail.not_after}.`);
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

/** Whether the same person opens the same intent again. */
function isSame(earlier: StoredTransaction, asked: StoredTransaction): boolean {
  return (
    earlier.intentDigest === asked.intentDigest &&
    earlier.initiator === asked.initiator &&
    earlier.initiatorInstitution === asked.initiatorInstitution
  );
}

function idempotencyConflict() {
  return transactionErrors.error('idempotency_conflict', 'This idempotency key was used for another intent.');
}
