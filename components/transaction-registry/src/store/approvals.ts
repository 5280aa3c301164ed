import type { Approval } from '@countersign/contracts';
import {
  type ApprovalId,
  type AuthenticatorId,
  type Digest,
  defined,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type pg from 'pg';
import { type Connection, ids, many, one } from './rows.ts';

export interface StoredApproval extends Approval {
  readonly institution: string;
  readonly kid: string;
  readonly tokenId: string;
  /** The signing key, if it is not a key of the directory. */
  readonly authenticator?: AuthenticatorId;
  /** The certificate of the signing key: serial number of one of ours, thumbprint of one of a partner. */
  readonly certificate?: string;
  /** The signed digest, if one signature covers several approvals. */
  readonly batchRoot?: Digest;
  readonly usedVersion?: number;
}

interface Row
  extends Omit<
    StoredApproval,
    'expiresAt' | 'withdrawn' | 'batchRoot' | 'usedVersion' | 'authenticator' | 'certificate'
  > {
  readonly expiresAt: Date;
  readonly withdrawnAt: Date | null;
  readonly withdrawnRecordId: RecordId | null;
  readonly batchRoot: Digest | null;
  readonly authenticator: AuthenticatorId | null;
  readonly certificate: string | null;
  readonly usedVersion: number | null;
}

const columns = `id, transaction_id as transaction, approver, role, institution, kid, token_id as "tokenId",
  intent_digest as "intentDigest", expires_at as "expiresAt", record_id as "recordId", withdrawn_at as "withdrawnAt",
  withdrawn_record_id as "withdrawnRecordId", batch_root as "batchRoot", used_version as "usedVersion",
  authenticator, certificate`;

const approvalsOfOne = {
  name: 'approvals-of',
  text: `select ${columns} from approvals where transaction_id = $1 order by sequence`,
};

/** In the order in which they were given. Rows were written from parsed values and are not parsed again. */
async function approvalsOf(on: Connection, id: TransactionId): Promise<readonly StoredApproval[]> {
  const rows = await many<Row>(on, approvalsOfOne, [id]);
  return rows.map(
    ({ expiresAt, withdrawnAt, withdrawnRecordId, batchRoot, usedVersion, authenticator, certificate, ...row }) => ({
      ...row,
      expiresAt: expiresAt.toISOString(),
      ...(withdrawnAt === null || withdrawnRecordId === null
        ? {}
        : { withdrawn: { at: withdrawnAt.toISOString(), recordId: withdrawnRecordId } }),
      ...defined({
        batchRoot: batchRoot ?? undefined,
        usedVersion: usedVersion ?? undefined,
        authenticator: authenticator ?? undefined,
        certificate: certificate ?? undefined,
      }),
    }),
  );
}

export function approvalReads(on: Connection) {
  return {
    approvals: (id: TransactionId) => approvalsOf(on, id),
    /** Each once; unused and unexpired. */
    async openApprovalsBy(approver: string, now: number, limit: number): Promise<readonly TransactionId[]> {
      return ids(
        on,
        `select distinct transaction_id as id from approvals
      where approver = $1 and withdrawn_at is null and used_version is null
        and expires_at > to_timestamp($2::float8 / 1000)
      order by id limit $3`,
        [approver, now, limit],
      );
    },
    async declines(id: TransactionId): Promise<readonly StoredDecline[]> {
      const rows = await many<Omit<StoredDecline, 'at'> & { readonly at: Date }>(
        on,
        `select approver, institution, reason, declined_at as at, record_id as "recordId" from approval_declines
      where transaction_id = $1 order by declined_at desc, approver`,
        [id],
      );
      return rows.map(({ at, ...row }) => ({ ...row, at: at.toISOString() }));
    },
    async waiting({ person, keys, intents, now, limit }: WaitingQuery): Promise<readonly TransactionId[]> {
      return ids(
        on,
        `select id from transactions t
      where approvals_awaited && $1::text[] and approvals_awaited is not null and not ended
        and (approvals_awaited_until is null or approvals_awaited_until > to_timestamp($2::float8 / 1000))
        and ($3::text[] is null or intent_digest = any($3::text[]))
        and initiator <> $4 and coalesce(carried_by, '') <> $4
        and not exists (select 1 from approvals a where a.transaction_id = t.id and a.approver = $4
                           and a.withdrawn_at is null and a.expires_at > to_timestamp($2::float8 / 1000))
        and not exists (select 1 from approval_declines d where d.transaction_id = t.id and d.approver = $4)
      order by approvals_awaited_until, opened_at, id limit $5`,
        [keys, now, intents ?? null, person, limit],
      );
    },
    async putAwaited(
      { id, version }: { readonly id: TransactionId; readonly version: number },
      { keys, until }: AwaitedApprovals,
    ): Promise<void> {
      await many(
        on,
        `update transactions
        set approvals_awaited = $3, approvals_awaited_until = to_timestamp($4::float8 / 1000)
      where id = $1 and version = $2 and approvals_awaited is distinct from $3::text[]`,
        [id, version, keys, until],
      );
    },
    /** Clears the wanted approvals of transactions whose deadline has passed. @returns how many were cleared */
    async forgetAwaited(now: number, limit: number): Promise<number> {
      const rows = await many(
        on,
        `update transactions set approvals_awaited = null, approvals_awaited_until = null
      where id in (select id from transactions
                    where approvals_awaited is not null and not ended
                      and approvals_awaited_until <= to_timestamp($1::float8 / 1000)
                    order by approvals_awaited_until limit $2)
     returning id`,
        [now, limit],
      );
      return rows.length;
    },
    async putViewing(look: Viewing): Promise<{ readonly warnings: readonly string[] } | undefined> {
      const before = await one<{ readonly warnings: readonly string[] }>(
        on,
        'select warnings from approval_looks where approver = $1 and transaction_id = $2',
        [look.approver, look.transaction],
      );
      await many(
        on,
        `insert into approval_looks (approver, transaction_id, about, first_at, last_at, warnings)
     values ($1, $2, $3, to_timestamp($4::float8 / 1000), to_timestamp($4::float8 / 1000), $5)
     on conflict (approver, transaction_id) do update set last_at = excluded.last_at, warnings = excluded.warnings`,
        [look.approver, look.transaction, look.about, look.at, look.warnings],
      );
      return before;
    },
    async earlierViewings(
      { approver, transaction, about }: Pick<Viewing, 'approver' | 'transaction' | 'about'>,
      limit: number,
    ): Promise<readonly { readonly transaction: TransactionId; readonly at: number }[]> {
      return many(
        on,
        `select transaction_id as transaction, (extract(epoch from last_at) * 1000)::float8 as at from approval_looks
      where approver = $1 and about = $2 and transaction_id <> $3
        and first_at < (select first_at from approval_looks where approver = $1 and transaction_id = $3)
      order by first_at desc, transaction_id desc limit $4`,
        [approver, about, transaction, limit],
      );
    },
  };
}

/** Requires the lock of the transaction. */
export function approvalWrites(on: pg.PoolClient) {
  return {
    /** The transaction is locked, so there is no concurrent insert for the same person. */
    async putDecline(id: TransactionId, decline: StoredDecline): Promise<void> {
      await many(
        on,
        `insert into approval_declines (transaction_id, approver, institution, reason, declined_at, record_id)
     values ($1, $2, $3, $4, $5, $6)`,
        [id, decline.approver, decline.institution, decline.reason, decline.at, decline.recordId],
      );
    },
    async putApproval(approval: StoredApproval): Promise<void> {
      await on.query(
        `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at,
                                record_id, batch_root, authenticator, certificate)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
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
          approval.batchRoot ?? null,
          approval.authenticator ?? null,
          approval.certificate ?? null,
        ],
      );
    },
    /** Marks approvals on which a transition relies. Approvals that an earlier transition uses stay unchanged. */
    async useApprovals(ids: readonly ApprovalId[], version: number): Promise<void> {
      if (ids.length === 0) return;
      await on.query(
        'update approvals set used_version = $2 where id = any($1) and used_version is null and withdrawn_at is null',
        [ids, version],
      );
    },
    async withdraw(id: ApprovalId, { at, recordId }: NonNullable<Approval['withdrawn']>): Promise<void> {
      await on.query('update approvals set withdrawn_at = $2, withdrawn_record_id = $3 where id = $1', [
        id,
        at,
        recordId,
      ]);
    },
  };
}

export interface AwaitedApprovals {
  readonly keys: readonly string[];
  readonly until: number | null;
}

/** Transactions that a person may have to approve, and when this was determined. */
export interface WaitingQuery {
  readonly person: string;
  readonly keys: readonly string[];
  readonly intents?: readonly Digest[];
  readonly now: number;
  readonly limit: number;
}

export interface StoredDecline {
  readonly approver: string;
  readonly institution: string;
  readonly reason: string;
  readonly at: string;
  readonly recordId: RecordId;
}

export interface Viewing {
  readonly approver: string;
  readonly transaction: TransactionId;
  readonly about: string;
  readonly warnings: readonly string[];
  readonly at: number;
}
