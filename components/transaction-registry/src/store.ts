import type {
  Approval,
  TransactionEvent,
  TransactionException,
  TransactionState,
  TransitionReceipt,
} from '@countersign/contracts';
import type { Digest, ExceptionId, IntentDigest, MandateId, RecordId, TransactionId } from '@countersign/kernel';
import type { AuthorizationDetail, Lei } from '@countersign/market';
import { databaseFailure, transaction as inTransaction } from '@countersign/runtime';
import type pg from 'pg';

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
  /** How many transitions there have been. */
  readonly version: number;
  readonly lastRecordId: RecordId;
  readonly openedRecordId: RecordId;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
}

export interface StoredTransition extends Omit<TransitionReceipt, 'replayed'> {
  readonly institution: string;
  readonly idempotencyKey: string;
  readonly bodyDigest: Digest;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StoredApproval extends Approval {
  readonly institution: string;
  readonly kid: string;
  readonly tokenId: string;
}

export interface ExceptionFilter {
  readonly transaction?: TransactionId;
  readonly status?: 'open' | 'resolved';
  /** Only of transactions this institution is a party to. */
  readonly party?: string;
  readonly limit: number;
}

const transactionColumns = `id, client, idempotency_key as "idempotencyKey", detail, intent_digest as "intentDigest", initiator,
  initiator_institution as "initiatorInstitution", state, version, last_record_id as "lastRecordId",
  opened_record_id as "openedRecordId", (extract(epoch from opened_at) * 1000)::float8 as "openedAt",
  json_build_object('id', mandate_id, 'version', mandate_version, 'recordId', mandate_record_id) as mandate`;

const transitionColumns = `transaction_id as transaction, version, event, to_state as state, institution,
  idempotency_key as "idempotencyKey", body_digest as "bodyDigest", body, record_id as "recordId", recorded_at as "recordedAt"`;

const approvalColumns = `id, transaction_id as transaction, approver, role, institution, kid, token_id as "tokenId",
  intent_digest as "intentDigest", expires_at as "expiresAt", record_id as "recordId"`;

const exceptionColumns = `e.id, e.transaction_id as transaction, e.event, e.reason, e.detail, e.status, e.raised_at as "raisedAt", e.record_id as "recordId"`;

type Connection = pg.Pool | pg.PoolClient;
/** Times come from the driver as dates and are promised as RFC 3339. */
type Dated<Row, Column extends keyof Row> = Omit<Row, Column> & { readonly [C in Column]: Date };

/** The questions of one transaction of the database. The rows it reads are locked where the name says so. */
function createUnit(client: pg.PoolClient) {
  return {
    /**
     * Takes (client, idempotency key) for a new transaction. @returns false when it is taken; a second request waits
     * here until the first has committed or is gone.
     */
    async insert(row: StoredTransaction, parties: readonly string[]): Promise<boolean> {
      const inserted = await client.query(
        `insert into transactions (id, client, idempotency_key, detail, intent_digest, initiator, initiator_institution, mandate_id,
                                   mandate_version, mandate_record_id, state, version, last_record_id, opened_record_id, opened_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, to_timestamp($15::float8 / 1000))
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
        ],
      );
      if (inserted.rowCount !== 1) return false;
      await client.query('insert into transaction_parties (transaction_id, lei) select $1, unnest($2::text[])', [
        row.id,
        parties,
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
      return one(client, `select ${transactionColumns} from transactions where id = $1 for update`, [id]);
    },
    async transitions(id: TransactionId): Promise<readonly StoredTransition[]> {
      const rows = await many<Dated<StoredTransition, 'recordedAt'>>(
        client,
        `select ${transitionColumns} from transitions where transaction_id = $1 order by version`,
        [id],
      );
      return rows.map((row) => ({ ...row, recordedAt: row.recordedAt.toISOString() }));
    },
    approvals: (id: TransactionId) => approvalsOf(client, id),
    async putTransition(transition: StoredTransition): Promise<void> {
      await client.query(
        `insert into transitions (transaction_id, version, event, to_state, institution, idempotency_key, body_digest, body,
                                  record_id, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [
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
        ],
      );
      await client.query('update transactions set state = $2, version = $3, last_record_id = $4 where id = $1', [
        transition.transaction,
        transition.state,
        transition.version,
        transition.recordId,
      ]);
    },
    async putApproval(approval: StoredApproval): Promise<void> {
      await client.query(
        `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at, record_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [
          approval.id,
          approval.transaction,
          approval.approver,
          approval.role,
          approval.institution,
          approval.kid,
          approval.tokenId,
          approval.intentDigest,
          approval.expiresAt,
          approval.recordId,
        ],
      );
    },
    async openException(id: TransactionId, event: TransactionEvent): Promise<ExceptionId | undefined> {
      const found = await one<{ id: ExceptionId }>(
        client,
        `select id from exceptions where transaction_id = $1 and event = $2 and status = 'open'`,
        [id, event],
      );
      return found?.id;
    },
    async putException(exception: TransactionException): Promise<void> {
      await client.query(
        `insert into exceptions (id, transaction_id, event, reason, detail, status, raised_at, record_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          exception.id,
          exception.transaction,
          exception.event,
          exception.reason,
          exception.detail,
          exception.status,
          exception.raisedAt,
          exception.recordId,
        ],
      );
    },
  };
}
export type Unit = ReturnType<typeof createUnit>;

export function createStore(pool: pg.Pool) {
  return {
    /** Runs `work` in one transaction of the database; see `transaction` of the runtime. */
    inUnit: <Result>(work: (unit: Unit) => Promise<Result>): Promise<Result> =>
      inTransaction(pool, (client) => work(createUnit(client))),
    find: (id: TransactionId) =>
      one<StoredTransaction>(pool, `select ${transactionColumns} from transactions where id = $1`, [id]),
    approvals: (id: TransactionId) => approvalsOf(pool, id),
    /**
     * Whether it has been submitted and not cancelled; undefined when there is none. Waits for a transition that is under
     * way, as long as the database waits for a lock.
     */
    async counts(id: TransactionId): Promise<boolean | undefined> {
      const found = await one<{ state: TransactionState }>(
        pool,
        'select state from transactions where id = $1 for share',
        [id],
      );
      return found === undefined ? undefined : found.state !== 'intended' && found.state !== 'cancelled';
    },
    /** Oldest first. */
    async exceptions({ transaction, status, party, limit }: ExceptionFilter): Promise<readonly TransactionException[]> {
      const rows = await many<Dated<TransactionException, 'raisedAt'>>(
        pool,
        `select ${exceptionColumns} from exceptions e
          where ($1::text is null or e.transaction_id = $1) and ($2::text is null or e.status = $2)
            and ($3::text is null or exists (select from transaction_parties p where p.transaction_id = e.transaction_id and p.lei = $3))
          order by e.raised_at, e.id limit $4`,
        [transaction ?? null, status ?? null, party ?? null, limit],
      );
      return rows.map((row) => ({ ...row, raisedAt: row.raisedAt.toISOString() }));
    },
  };
}
export type Store = ReturnType<typeof createStore>;

async function approvalsOf(on: Connection, id: TransactionId): Promise<readonly StoredApproval[]> {
  const rows = await many<Dated<StoredApproval, 'expiresAt'>>(
    on,
    `select ${approvalColumns} from approvals where transaction_id = $1 order by id`,
    [id],
  );
  return rows.map((row) => ({ ...row, expiresAt: row.expiresAt.toISOString() }));
}

/** Rows were written by this component from parsed values, so they are taken at their word. */
async function many<Row extends object>(on: Connection, text: string, values: readonly unknown[]): Promise<Row[]> {
  try {
    return (await on.query<Row>(text, [...values])).rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

async function one<Row extends object>(
  on: Connection,
  text: string,
  values: readonly unknown[],
): Promise<Row | undefined> {
  return (await many<Row>(on, text, values))[0];
}
