import type { TransactionState, TransitionReceipt } from '@countersign/contracts';
import {
  type DecisionId,
  type Digest,
  defined,
  type IntentDigest,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { AuthorizationDetail, Lei } from '@countersign/market';
import { transaction as inTransaction } from '@countersign/runtime';
import type pg from 'pg';
import { type AwaitedApprovals, approvalReads, approvalWrites } from './approvals.ts';
import { exceptionReads, exceptionWrites } from './exceptions.ts';
import { type Connection, type Dated, many, one } from './rows.ts';
import { tradeReads, tradeWrites } from './trades.ts';
import { transactionReads, transactionWrites } from './transactions.ts';

export type { StoredApproval } from './approvals.ts';
export type { StoredException } from './exceptions.ts';

export interface StoredTransaction {
  readonly id: TransactionId;
  readonly client: string;
  readonly idempotencyKey: string;
  readonly detail: AuthorizationDetail;
  readonly intentDigest: IntentDigest;
  readonly initiator: string;
  readonly initiatorInstitution: Lei;
  readonly mandate: { readonly id: MandateId; readonly version: number; readonly recordId: RecordId };
  readonly state: TransactionState;
  readonly version: number;
  readonly lastRecordId: RecordId;
  readonly openedRecordId: RecordId;
  readonly openedAt: number;
  /** Institutions that may read the transaction. */
  readonly parties: readonly string[];
  readonly awaitedUntil: number | null;
  readonly overdueVersion: number | null;
  readonly destinationKey: string | null;
  /** The address at the time of the request. */
  readonly destinationDigest: IntentDigest | null;
  /** The principal who took the transaction over after its initiator left. */
  readonly carriedBy: string | null;
  readonly approvalsAwaited: readonly string[] | null;
  /** The record of the newest change: see `proof/change.ts`. */
  readonly changedRecordId: RecordId;
}

/** The effect of a step on the transaction, beside its state. */
export interface StepEffect {
  readonly ended: boolean;
  readonly awaitedUntil: number | null;
  readonly destinationDigest: IntentDigest | null;
  readonly parties: readonly string[];
  /** Approvals that the rules of the next steps require; null for none. */
  readonly awaits: AwaitedApprovals | null;
}

export interface StoredTransition extends Omit<TransitionReceipt, 'replayed'> {
  readonly institution: string;
  readonly idempotencyKey: string;
  readonly bodyDigest: Digest;
  readonly body: Readonly<Record<string, unknown>>;
  readonly actor?: string;
  /** The decision it relies on, if the policies were evaluated. */
  readonly decision?: { readonly id: DecisionId; readonly policyVersion: number };
}

const transactionColumns = `id, client, idempotency_key as "idempotencyKey", detail, intent_digest as "intentDigest", initiator,
  initiator_institution as "initiatorInstitution", state, version, last_record_id as "lastRecordId",
  opened_record_id as "openedRecordId", (extract(epoch from opened_at) * 1000)::float8 as "openedAt",
  json_build_object('id', mandate_id, 'version', mandate_version, 'recordId', mandate_record_id) as mandate,
  (extract(epoch from awaited_until) * 1000)::float8 as "awaitedUntil", overdue_version as "overdueVersion",
  destination_key as "destinationKey", destination_digest as "destinationDigest", carried_by as "carriedBy",
  approvals_awaited as "approvalsAwaited", changed_record_id as "changedRecordId",
  array(select p.lei from transaction_parties p where p.transaction_id = transactions.id order by p.lei) as parties`;

const transitionColumns = `transaction_id as transaction, version, event, to_state as state, institution,
  idempotency_key as "idempotencyKey", body_digest as "bodyDigest", body, record_id as "recordId", recorded_at as "recordedAt",
  late, actor, decision_id as "decisionId", policy_version as "policyVersion"`;

const entriesFor = `select ${transactionColumns} from transactions
  where initiator_institution = $1 and destination_key = $2 and state = 'active' order by id`;
const tradesByIds = `select ${transactionColumns} from transactions where id = any($1::text[]) order by id`;

const lockTransaction = {
  name: 'lock-transaction',
  text: `select ${transactionColumns} from transactions where id = $1 for update`,
};
const transitionsOfOne = {
  name: 'transitions-of',
  text: `select ${transitionColumns} from transitions where transaction_id = $1 order by version`,
};
const transitionsOfSeveral = `select ${transitionColumns} from transitions
  where transaction_id = any($1::text[]) order by transaction_id, version`;
const insertTransition = {
  name: 'insert-transition',
  text: `insert into transitions (transaction_id, version, event, to_state, institution, idempotency_key, body_digest, body,
                                  record_id, recorded_at, actor, decision_id, policy_version, late)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
};
const carryOn = {
  name: 'carry-on',
  text: `update transactions
            set state = $2, version = $3, last_record_id = $4, ended = $5, awaited_until = to_timestamp($6::float8 / 1000),
                destination_digest = $7, overdue_version = null, approvals_awaited = $8,
                approvals_awaited_until = to_timestamp($9::float8 / 1000), changed_record_id = $4
          where id = $1`,
};

function readsOn(on: Connection) {
  return {
    ...approvalReads(on),
    ...exceptionReads(on),
    ...transactionReads(on),
    ...tradeReads(on),
    transitions: async (id: TransactionId) => (await many<TransitionRow>(on, transitionsOfOne, [id])).map(transitionOf),
    async transitionsOfAll(ids: readonly TransactionId[]): Promise<readonly StoredTransition[]> {
      const rows = await many<TransitionRow>(on, transitionsOfSeveral, [ids]);
      return rows.map(transitionOf);
    },
  };
}

/** The queries of one database transaction. They lock the rows they read if their name says it. */
function createUnit(client: pg.PoolClient) {
  return {
    ...readsOn(client),
    ...approvalWrites(client),
    ...exceptionWrites(client),
    ...transactionWrites(client),
    ...tradeWrites(client),
    /**
     * Claims (client, idempotency key). @returns false if it is in use. A second request waits here until the first
     * one ends.
     */
    async insert(row: StoredTransaction, awaits: AwaitedApprovals | null): Promise<boolean> {
      const inserted = await client.query(
        `insert into transactions (id, client, idempotency_key, detail, intent_digest, initiator, initiator_institution, mandate_id,
                                   mandate_version, mandate_record_id, state, version, last_record_id, opened_record_id, opened_at,
                                   destination_key, approvals_awaited, approvals_awaited_until, changed_record_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, to_timestamp($15::float8 / 1000), $16, $17,
                 to_timestamp($18::float8 / 1000), $19)
         on conflict (client, idempotency_key) do nothing`,
        [
          row.id,
          row.client,
          row.idempotencyKey,
          JSON.stringify(row.detail),
          row.intentDigest,
          row.initiator,
          row.initiatorInstitution,
          row.mandate.id,
          row.mandate.version,
          row.mandate.recordId,
          row.state,
          row.version,
          row.lastRecordId,
          row.openedRecordId,
          row.openedAt,
          row.destinationKey,
          awaits?.keys ?? null,
          awaits?.until ?? null,
          row.changedRecordId,
        ],
      );
      if (inserted.rowCount !== 1) return false;
      await client.query('insert into transaction_parties (transaction_id, lei) select $1, unnest($2::text[])', [
        row.id,
        row.parties,
      ]);
      return true;
    },
    async byKey(clientId: string, idempotencyKey: string): Promise<StoredTransaction | undefined> {
      return one(client, `select ${transactionColumns} from transactions where client = $1 and idempotency_key = $2`, [
        clientId,
        idempotencyKey,
      ]);
    },
    lock(id: TransactionId): Promise<StoredTransaction | undefined> {
      return one(client, lockTransaction, [id]);
    },
    read: (id: TransactionId) =>
      one<StoredTransaction>(client, `select ${transactionColumns} from transactions where id = $1`, [id]),
    /** An entry of the address book, locked until the end of the unit. */
    entry(id: TransactionId): Promise<StoredTransaction | undefined> {
      return one(client, `select ${transactionColumns} from transactions where id = $1 for share`, [id]);
    },
    /** The entries of the address book for this destination, locked until the end of the unit. */
    activeEntries: (institution: string, destinationKey: string) =>
      many<StoredTransaction>(client, `${entriesFor} for share`, [institution, destinationKey]),
    /** Several transactions, locked in the order of their ids. */
    trades: (ids: readonly TransactionId[]) => many<StoredTransaction>(client, `${tradesByIds} for update`, [ids]),
    async putTransition(transition: StoredTransition, after: StepEffect): Promise<void> {
      await client.query({
        ...insertTransition,
        values: [
          transition.transaction,
          transition.version,
          transition.event,
          transition.state,
          transition.institution,
          transition.idempotencyKey,
          transition.bodyDigest,
          JSON.stringify(transition.body),
          transition.recordId,
          transition.recordedAt,
          transition.actor ?? null,
          transition.decision?.id ?? null,
          transition.decision?.policyVersion ?? null,
          transition.late ?? false,
        ],
      });
      await client.query({
        ...carryOn,
        values: [
          transition.transaction,
          transition.state,
          transition.version,
          transition.recordId,
          after.ended,
          after.awaitedUntil,
          after.destinationDigest,
          after.awaits?.keys ?? null,
          after.awaits?.until ?? null,
        ],
      });
      if (after.parties.length === 0) return;
      await client.query(
        'insert into transaction_parties (transaction_id, lei) select $1, unnest($2::text[]) on conflict do nothing',
        [transition.transaction, after.parties],
      );
    },
    async markChanged(id: TransactionId, recordId: RecordId): Promise<void> {
      await client.query('update transactions set changed_record_id = $2 where id = $1', [id, recordId]);
    },
    async extendDeadline(id: TransactionId, until: number): Promise<void> {
      await client.query(
        'update transactions set overdue_version = null, awaited_until = to_timestamp($2::float8 / 1000) where id = $1',
        [id, until],
      );
    },
    async replaceMandate(id: TransactionId, mandate: StoredTransaction['mandate']): Promise<void> {
      await client.query(
        'update transactions set mandate_id = $2, mandate_version = $3, mandate_record_id = $4 where id = $1',
        [id, mandate.id, mandate.version, mandate.recordId],
      );
    },
    async setSuccessor(id: TransactionId, principal: string): Promise<void> {
      await client.query('update transactions set carried_by = $2 where id = $1', [id, principal]);
    },
  };
}
export type Rows = ReturnType<typeof createUnit>;

/** The unverified tables. Only `proof/` may use them; all other code uses the proven store. */
export function createRowStore(pool: pg.Pool) {
  return {
    ...readsOn(pool),
    inUnit: <Result>(work: (unit: Rows) => Promise<Result>): Promise<Result> =>
      inTransaction(pool, (client) => work(createUnit(client))),
    find: (id: TransactionId) =>
      one<StoredTransaction>(pool, `select ${transactionColumns} from transactions where id = $1`, [id]),
    entry: (id: TransactionId) =>
      one<StoredTransaction>(pool, `select ${transactionColumns} from transactions where id = $1`, [id]),
    activeEntries: (institution: string, destinationKey: string) =>
      many<StoredTransaction>(pool, entriesFor, [institution, destinationKey]),
    trades: (ids: readonly TransactionId[]) => many<StoredTransaction>(pool, tradesByIds, [ids]),
  };
}
export type RowStore = ReturnType<typeof createRowStore>;

interface TransitionRow extends Omit<Dated<StoredTransition, 'recordedAt'>, 'actor' | 'decision'> {
  readonly actor: string | null;
  readonly decisionId: DecisionId | null;
  readonly policyVersion: number | null;
}

function transitionOf({ late, actor, decisionId, policyVersion, ...row }: TransitionRow): StoredTransition {
  return {
    ...row,
    ...(late === true ? { late } : {}),
    recordedAt: row.recordedAt.toISOString(),
    ...defined({ actor: actor ?? undefined }),
    ...(decisionId === null || policyVersion === null ? {} : { decision: { id: decisionId, policyVersion } }),
  };
}
