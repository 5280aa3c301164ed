import type { PrincipalId } from '@countersign/contracts';
import type { AuthenticatorId, SessionId } from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

export interface StoredSession {
  readonly id: SessionId;
  readonly person: PrincipalId;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Times are milliseconds since the epoch. */
  readonly authTime: number;
  readonly lastSeenAt: number;
  readonly absoluteEndAt: number;
  readonly expiresAt: number;
  readonly directoryVersion: number;
  readonly tier: Tier;
  readonly device: string | undefined;
  readonly authenticator: AuthenticatorId | undefined;
  /** If another issuer signed the person in. */
  readonly issuer: string | undefined;
  /** Browser and address, for display. */
  readonly described: string | undefined;
}

export interface OpenSession {
  readonly session: StoredSession;
  readonly secretHash: Buffer;
}

export interface DatedSession extends StoredSession {
  readonly createdAt: number;
}

export interface UnbackedSession {
  readonly id: SessionId;
  readonly reason: 'account_locked' | 'authenticator_suspended' | 'authenticator_removed';
}

interface Row extends Pick<StoredSession, 'id' | 'person' | 'acr' | 'amr' | 'tier'> {
  readonly auth_time: Date;
  readonly last_seen_at: Date;
  readonly absolute_end_at: Date;
  readonly expires_at: Date;
  readonly directory_version: string;
  readonly device: string | null;
  readonly authenticator: AuthenticatorId | null;
  readonly issuer: string | null;
  readonly described: string | null;
}

const columns = `id, person, acr, amr, auth_time, last_seen_at, absolute_end_at, expires_at, directory_version, tier,
                 device, authenticator, issuer, described`;

/** Its account is not locked and its key is neither removed nor suspended. */
const isBacked = `not exists (select from account_locks where account_locks.person = sessions.person)
                  and not exists (select from authenticators
                                   where authenticators.id = sessions.authenticator
                                     and (authenticators.removed_at is not null
                                          or authenticators.suspended_at is not null))`;

interface OpenRow extends Row {
  readonly secret_hash: Buffer;
}

const openBy = (column: 'id' | 'secret_hash') => `select ${columns}, secret_hash from sessions
   where ${column} = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0) and ${isBacked}`;

/** The table `sessions`. Ended ones stay until they are swept, but are not found. */
export function createSessionStore(pool: pg.Pool) {
  async function open(db: pg.Pool | pg.PoolClient, name: string, text: string, key: Buffer | string, now: number) {
    const { rows } = await ask<OpenRow>(db, { name, text, values: [key, now] });
    return rows.map((row): OpenSession => ({ session: storedSessionOf(row), secretHash: row.secret_hash }))[0];
  }

  return {
    findBySecret: (secretHash: Buffer, now: number) =>
      open(pool, 'session-by-secret', openBy('secret_hash'), secretHash, now),
    findById: (id: SessionId, now: number) => open(pool, 'session-by-id', openBy('id'), id, now),
    lockBySecret: (client: pg.PoolClient, secretHash: Buffer, now: number) =>
      open(client, 'session-lock-by-secret', `${openBy('secret_hash')} for update`, secretHash, now),
    /** Also an expired one, so that its end is recorded. */
    async lockById(client: pg.PoolClient, id: SessionId): Promise<StoredSession | undefined> {
      const { rows } = await ask<Row>(client, {
        name: 'session-lock-by-id',
        text: `select ${columns} from sessions where id = $1 and ended_at is null for update`,
        values: [id],
      });
      return rows.map(storedSessionOf)[0];
    },
    /** A slice of the open sessions, of one person or all, that are no longer backed. */
    async findUnbacked(person: PrincipalId | undefined, limit: number): Promise<readonly UnbackedSession[]> {
      const { rows } = await ask<UnbackedSession>(pool, {
        name: 'session-unbacked',
        text: `select id, case when exists (select from account_locks where account_locks.person = sessions.person)
                               then 'account_locked'
                               when (select removed_at from authenticators where id = sessions.authenticator) is null
                               then 'authenticator_suspended'
                               else 'authenticator_removed' end as reason
                 from sessions
                where ended_at is null and ($1::text is null or person = $1) and not (${isBacked}) limit $2`,
        values: [person ?? null, limit],
      });
      return rows;
    },
    /** Everybody with an open session; it may just have expired. */
    async people(): Promise<readonly PrincipalId[]> {
      const { rows } = await ask<{ person: PrincipalId }>(pool, {
        name: 'session-people',
        // A loose index scan: its cost depends on the number of people, not sessions.
        text: `with recursive people as (
                 (select person from sessions where ended_at is null order by person limit 1)
                 union all
                 select (select sessions.person from sessions
                          where sessions.ended_at is null and sessions.person > people.person
                          order by sessions.person limit 1)
                   from people where people.person is not null)
               select person from people where person is not null`,
        values: [],
      });
      return rows.map(({ person }) => person);
    },
    async findByPerson(person: PrincipalId, now: number): Promise<readonly DatedSession[]> {
      const { rows } = await ask<Row & { readonly created_at: Date }>(pool, {
        name: 'session-by-person',
        text: `select ${columns}, created_at from sessions
                where person = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0)
                order by created_at desc, id desc`,
        values: [person, now],
      });
      return rows.map((row) => ({ ...storedSessionOf(row), createdAt: row.created_at.getTime() }));
    },
    /** For a new session or a new sign-in; only this secret opens it. */
    async put(client: pg.PoolClient, secretHash: Buffer, session: StoredSession): Promise<void> {
      const { id, person, acr, amr, authTime, directoryVersion, lastSeenAt, absoluteEndAt, expiresAt, tier } = session;
      const { device = null, authenticator = null, issuer = null, described = null } = session;
      await ask(client, {
        name: 'session-put',
        text: `insert into sessions (id, secret_hash, person, acr, amr, auth_time, directory_version, created_at,
                                     last_seen_at, absolute_end_at, expires_at, tier, device, authenticator, issuer,
                                     described)
               values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000.0), $7, to_timestamp($8::float8 / 1000.0),
                       to_timestamp($8::float8 / 1000.0), to_timestamp($9::float8 / 1000.0),
                       to_timestamp($10::float8 / 1000.0), $11, $12, $13, $14, $15)
               on conflict (id) do update
                  set secret_hash = excluded.secret_hash, acr = excluded.acr, amr = excluded.amr,
                      auth_time = excluded.auth_time, directory_version = excluded.directory_version,
                      last_seen_at = excluded.last_seen_at, absolute_end_at = excluded.absolute_end_at,
                      expires_at = excluded.expires_at, tier = excluded.tier, device = excluded.device,
                      authenticator = excluded.authenticator, issuer = excluded.issuer, described = excluded.described`,
        values: [
          ...[id, secretHash, person, acr, amr, authTime, directoryVersion, lastSeenAt, absoluteEndAt, expiresAt],
          ...[tier, device, authenticator, issuer, described],
        ],
      });
    },
    async touch(id: SessionId, now: number, idleEndAt: number): Promise<void> {
      await ask(pool, {
        name: 'session-touch',
        text: `update sessions
                  set last_seen_at = to_timestamp($2::float8 / 1000.0),
                      expires_at = least(to_timestamp($3::float8 / 1000.0), absolute_end_at)
                where id = $1 and ended_at is null and last_seen_at < to_timestamp($2::float8 / 1000.0)`,
        values: [id, now, idleEndAt],
      });
    },
    async markEnded(client: pg.PoolClient, id: SessionId, now: number): Promise<void> {
      await ask(client, {
        name: 'session-end',
        text: `update sessions
                  set ended_at = to_timestamp($2::float8 / 1000.0),
                      expires_at = least(expires_at, to_timestamp($2::float8 / 1000.0))
                where id = $1 and ended_at is null`,
        values: [id, now],
      });
    },
    async deleteExpired(now: number, limit: number): Promise<number> {
      const { rowCount } = await ask(pool, {
        name: 'session-sweep',
        text: `delete from sessions where id in (
                 select id from sessions where expires_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [now, limit],
      });
      return rowCount ?? 0;
    },
  };
}

export type SessionStore = ReturnType<typeof createSessionStore>;

function storedSessionOf(row: Row): StoredSession {
  return {
    id: row.id,
    person: row.person,
    acr: row.acr,
    amr: row.amr,
    authTime: row.auth_time.getTime(),
    lastSeenAt: row.last_seen_at.getTime(),
    absoluteEndAt: row.absolute_end_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    directoryVersion: Number(row.directory_version),
    tier: row.tier,
    device: row.device ?? undefined,
    authenticator: row.authenticator ?? undefined,
    issuer: row.issuer ?? undefined,
    described: row.described ?? undefined,
  };
}
