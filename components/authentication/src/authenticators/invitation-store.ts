import type { PrincipalId } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
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

interface Row {
  readonly person: PrincipalId;
  readonly invited_by: string;
  readonly record_id: RecordId;
  readonly recovery: RecordId | null;
  readonly expires_at: Date;
}

const open = `select person, invited_by, record_id, recovery, expires_at from authenticator_invitations
               where secret_hash = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0)`;

/** The table `authenticator_invitations`. */
export function createInvitationStore(pool: pg.Pool) {
  return {
    async insert(client: pg.PoolClient, secretHash: Buffer, invitation: StoredInvitation): Promise<void> {
      const { person, invitedBy, recordId, recovery, expiresAt } = invitation;
      await ask(client, {
        name: 'authenticator-invitation-insert',
        text: `insert into authenticator_invitations (secret_hash, person, invited_by, record_id, recovery, expires_at)
               values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000.0))`,
        values: [secretHash, person, invitedBy, recordId, recovery ?? null, expiresAt],
      });
    },
    /** Unless it was used or replaced, or is over. */
    async find(secretHash: Buffer, now: number): Promise<StoredInvitation | undefined> {
      return invitationOf(
        await ask<Row>(pool, { name: 'authenticator-invitation-find', text: open, values: [secretHash, now] }),
      );
    },
    async lock(client: pg.PoolClient, secretHash: Buffer, now: number): Promise<StoredInvitation | undefined> {
      return invitationOf(
        await ask<Row>(client, {
          name: 'authenticator-invitation-lock',
          text: `${open} for update`,
          values: [secretHash, now],
        }),
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

function invitationOf({ rows: [row] }: pg.QueryResult<Row>): StoredInvitation | undefined {
  if (row === undefined) return undefined;
  return {
    person: row.person,
    invitedBy: row.invited_by,
    recordId: row.record_id,
    ...(row.recovery === null ? {} : { recovery: row.recovery }),
    expiresAt: row.expires_at.getTime(),
  };
}
