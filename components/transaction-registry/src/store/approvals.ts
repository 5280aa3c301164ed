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
import { type Connection, many } from './rows.ts';

export interface StoredApproval extends Approval {
  readonly institution: string;
  readonly kid: string;
  readonly tokenId: string;
  /** The signing key, if it is not a key of the directory. */
  readonly authenticator?: AuthenticatorId;
  /** The signed digest, if one signature covers several approvals. */
  readonly batchRoot?: Digest;
  readonly usedVersion?: number;
}

interface Row extends Omit<StoredApproval, 'expiresAt' | 'withdrawn' | 'batchRoot' | 'usedVersion' | 'authenticator'> {
  readonly expiresAt: Date;
  readonly withdrawnAt: Date | null;
  readonly withdrawnRecordId: RecordId | null;
  readonly batchRoot: Digest | null;
  readonly authenticator: AuthenticatorId | null;
  readonly usedVersion: number | null;
}

const columns = `id, transaction_id as transaction, approver, role, institution, kid, token_id as "tokenId",
  intent_digest as "intentDigest", expires_at as "expiresAt", record_id as "recordId", withdrawn_at as "withdrawnAt",
  withdrawn_record_id as "withdrawnRecordId", batch_root as "batchRoot", used_version as "usedVersion",
  authenticator`;

const approvalsOfOne = {
  name: 'approvals-of',
  text: `select ${columns} from approvals where transaction_id = $1 order by sequence`,
};

/** In the order in which they were given. Rows were written from parsed values and are not parsed again. */
export async function approvalsOf(on: Connection, id: TransactionId): Promise<readonly StoredApproval[]> {
  const rows = await many<Row>(on, approvalsOfOne, [id]);
  return rows.map(({ expiresAt, withdrawnAt, withdrawnRecordId, batchRoot, usedVersion, authenticator, ...row }) => ({
    ...row,
    expiresAt: expiresAt.toISOString(),
    ...(withdrawnAt === null || withdrawnRecordId === null
      ? {}
      : { withdrawn: { at: withdrawnAt.toISOString(), recordId: withdrawnRecordId } }),
    ...defined({
      batchRoot: batchRoot ?? undefined,
      usedVersion: usedVersion ?? undefined,
      authenticator: authenticator ?? undefined,
    }),
  }));
}

/** Each once; unused and unexpired. */
export async function openApprovalsBy(
  on: Connection,
  approver: string,
  now: number,
  limit: number,
): Promise<readonly TransactionId[]> {
  const rows = await many<{ readonly id: TransactionId }>(
    on,
    `select distinct transaction_id as id from approvals
      where approver = $1 and withdrawn_at is null and used_version is null
        and expires_at > to_timestamp($2::float8 / 1000)
      order by id limit $3`,
    [approver, now, limit],
  );
  return rows.map(({ id }) => id);
}

export function approvalQuestions(client: pg.PoolClient) {
  return {
    approvals: (id: TransactionId) => approvalsOf(client, id),
    async putApproval(approval: StoredApproval): Promise<void> {
      await client.query(
        `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at,
                                record_id, batch_root, authenticator)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
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
        ],
      );
    },
    /** Marks approvals on which a transition relies. Approvals that an earlier transition uses stay unchanged. */
    async useApprovals(ids: readonly ApprovalId[], version: number): Promise<void> {
      if (ids.length === 0) return;
      await client.query(
        'update approvals set used_version = $2 where id = any($1) and used_version is null and withdrawn_at is null',
        [ids, version],
      );
    },
    async withdraw(id: ApprovalId, { at, recordId }: NonNullable<Approval['withdrawn']>): Promise<void> {
      await client.query('update approvals set withdrawn_at = $2, withdrawn_record_id = $3 where id = $1', [
        id,
        at,
        recordId,
      ]);
    },
  };
}
