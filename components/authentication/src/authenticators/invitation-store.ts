import type { PrincipalId } from '@countersign/contracts';
import { defined, type RecordId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

export interface StoredInvitation {
  readonly person: PrincipalId;
  readonly invitedBy: string;
  readonly recordId: RecordId;
  readonly recovery?: RecordId;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface OpenInvitation extends StoredInvitation {
  readonly secretHash: string;
}

interface Row {
  readonly secret_hash: Buffer;
  readonly person: PrincipalId;
  readonly invited_by: string;
  readonly record_id: RecordId;
  readonly recovery: RecordId | null;
  readonly expires_at: Date;
}

const selected = `select secret_hash, person, invited_by, record_id, recovery, expires_at from authenticator_invitations`;
const open = `${selected}
               where secret_hash = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0)`;

export function createInvitationStore(pool: pg.Pool) {
  return {
    async insert(client: pg.PoolClient, invitation: OpenInvitation): Promise<void> {
      const { secretHash, person, invitedBy, recordId, recovery, expiresAt } = invitation;
      await ask(client, {
        name: 'authenticator-invitation-insert',
        text: `insert into authenticator_invitations (secret_hash, person, invited_by, record_id, recovery, expires_at)
               values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000.0))`,
        values: [Buffer.from(secretHash, 'base64url'), person, invitedBy, recordId, recovery ?? null, expiresAt],
      });
    },
    /** Neither used nor replaced; it may have expired. */
    async openOf(
      session: pg.Pool | pg.PoolClient,
      person: PrincipalId,
      lock: '' | 'for update' = '',
    ): Promise<OpenInvitation | undefined> {
      const found = await ask<Row>(session, {
        name: `authenticator-invitation-of${lock === '' ? '' : '-locked'}`,
        text: `${selected} where person = $1 and ended_at is null order by expires_at desc limit 1 ${lock}`,
        values: [person],
      });
      return invitationOf(found);
    },
    /** Unless it was used, was replaced or has expired. */
    async find(
      secretHash: Buffer,
      now: number,
      session: pg.Pool | pg.PoolClient = pool,
    ): Promise<StoredInvitation | undefined> {
      return invitationOf(
        await ask<Row>(session, { name: 'authenticator-invitation-find', text: open, values: [secretHash, now] }),
      );
    },
    /** @returns how many were open */
    async endAllOf(client: pg.PoolClient, person: PrincipalId, now: number): Promise<number> {
      const { rowCount } = await ask(client, {
        name: 'authenticator-invitation-end',
        text: `update authenticator_invitations set ended_at = to_timestamp($2::float8 / 1000.0)
                where person = $1 and ended_at is null`,
        values: [person, now],
      });
      return rowCount ?? 0;
    },
    async deleteExpired(before: number, limit: number): Promise<number> {
      const { rowCount } = await ask(pool, {
        name: 'authenticator-invitation-sweep',
        text: `delete from authenticator_invitations where secret_hash in (
                 select secret_hash from authenticator_invitations where expires_at < to_timestamp($1::float8 / 1000.0)
                  limit $2)`,
        values: [before, limit],
      });
      return rowCount ?? 0;
    },
  };
}

export type InvitationStore = ReturnType<typeof createInvitationStore>;

function invitationOf({ rows: [row] }: pg.QueryResult<Row>): OpenInvitation | undefined {
  if (row === undefined) return undefined;
  return {
    secretHash: row.secret_hash.toString('base64url'),
    person: row.person,
    invitedBy: row.invited_by,
    recordId: row.record_id,
    ...defined({ recovery: row.recovery ?? undefined }),
    expiresAt: row.expires_at.getTime(),
  };
}
