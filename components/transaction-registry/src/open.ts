import {
  type AuditAppender,
  type OpenedTransaction,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, newId, parseInstant, type Random } from '@countersign/kernel';
import { digestOfIntent, parseLei } from '@countersign/market';
import { awaitedByRule } from './approvals/awaited-keys.ts';
import { destinationKeyOf } from './destinations/destination-key.ts';
import { intentJson, partiesOf } from './facts.ts';
import { recordAbout, strategyOf } from './records.ts';
import type { Store, StoredTransaction } from './store.ts';
import { tradeStanding } from './trades/trade-standing.ts';

export interface OpenDependencies {
  readonly store: Store;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}

type OpenRequest = Parameters<TransactionRegistry['open']>[0];

/** Gives an intent its transaction; see the contract. */
export async function openTransaction(
  request: OpenRequest,
  { store, audit, clock, random }: OpenDependencies,
): Promise<OpenedTransaction> {
  const row = newTransaction(request, { clock, random });
  return store.inUnit(async (unit) => {
    if (!(await unit.insert(row, awaitedByRule(row)))) {
      const earlier = await unit.byKey(row.client, row.idempotencyKey);
      if (earlier === undefined) throw new Error('an idempotency key was taken and cannot be found');
      return sameAgain(earlier, row);
    }
    const trade = await tradeStanding(row, unit);
    if (trade.kind === 'fault') throw trade.fault;
    await audit.append({
      ...recordAbout(row, { clock, random }),
      id: row.openedRecordId,
      type: 'transaction.opened',
      outcome: 'done',
      references: [
        row.mandate.recordId,
        ...(trade.kind === 'stands' ? trade.trades.map(({ recordId }) => recordId) : []),
      ],
      subject: request.initiator,
      client: row.client,
      data: { intent_type: row.detail.type, idempotency_key: row.idempotencyKey },
      protectedValues: strategyOf(row.initiatorInstitution, { intent: intentJson(row) }),
    });
    return opened(row);
  });
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
  const openedRecordId = newId('record', from);
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
  };
}

/** The intent again, by the same person: then it is the same transaction. */
function sameAgain(earlier: StoredTransaction, asked: StoredTransaction): OpenedTransaction {
  if (
    earlier.intentDigest !== asked.intentDigest ||
    earlier.initiator !== asked.initiator ||
    earlier.initiatorInstitution !== asked.initiatorInstitution
  )
    throw transactionErrors.error('idempotency_conflict', 'This idempotency key was used for another intent.');
  return opened(earlier);
}

function opened({ id, intentDigest, state, openedRecordId }: StoredTransaction): OpenedTransaction {
  return { id, intentDigest, state, recordId: openedRecordId };
}
