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
  /** These and the others: milliseconds since the epoch. */
  readonly authTime: number;
  readonly lastSeenAt: number;
  readonly absoluteEndAt: number;
  readonly expiresAt: number;
  readonly directoryVersion: number;
  readonly tier: Tier;
  readonly device: string | undefined;
  readonly authenticator: AuthenticatorId | undefined;
  /** Who vouches for the person, where somebody else signed them in. */
  readonly issuer: string | undefined;
  /** The browser and its address, in words. */
  readonly described: string | undefined;
}

/** A session with the hash of the secret that opens it. */
export interface OpenSession {
  readonly session: StoredSession;
  readonly secretHash: Buffer;
}

/** A session with when it began. */
export interface DatedSession extends StoredSession {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface UnbackedSession {
  readonly id: SessionId;
  /** Why it counts no more. */
  readonly reason: 'account_locked' | 'authenticator_suspended' | 'authenticator_removed';
}

interface Row {
  readonly id: SessionId;
  readonly person: PrincipalId;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly auth_time: Date;
  readonly last_seen_at: Date;
  readonly absolute_end_at: Date;
  readonly expires_at: Date;
  readonly directory_version: string;
  readonly tier: Tier;
  readonly device: string | null;
  readonly authenticator: AuthenticatorId | null;
  readonly issuer: string | null;
  readonly described: string | null;
}

const columns = `id, person, acr, amr, auth_time, last_seen_at, absolute_end_at, expires_at, directory_version, tier,
                 device, authenticator, issuer, described`;

/** What it stands on still counts: nobody has locked its person out, nor taken away or suspended the key that began it. */
const isBacked = `not exists (select from account_locks where account_locks.person = sessions.person)
                  and not exists (select from authenticators
                                   where authenticators.id = sessions.authenticator
                                     and (authenticators.removed_at is not null
                                          or authenticators.suspended_at is not null))`;

/** The table `sessions`. Those that have ended are in it until they are swept, and are not found any more. */
export function createSessionStore(pool: pg.Pool) {
  return {
    async findBySecret(secretHash: Buffer, now: number): Promise<OpenSession | undefined> {
      return openSessionOf(
        await ask<OpenRow>(pool, {
          name: 'session-by-secret',
          text: `select ${columns}, secret_hash from sessions
                  where secret_hash = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0)
                    and ${isBacked}`,
          values: [secretHash, now],
        }),
      );
    },
    async findById(id: SessionId, now: number): Promise<OpenSession | undefined> {
      return openSessionOf(
        await ask<OpenRow>(pool, {
          name: 'session-by-id',
          text: `select ${columns}, secret_hash from sessions
                  where id = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0)
                    and ${isBacked}`,
          values: [id, now],
        }),
      );
    },
    async lockBySecret(client: pg.PoolClient, secretHash: Buffer, now: number): Promise<OpenSession | undefined> {
      return openSessionOf(
        await ask<OpenRow>(client, {
          name: 'session-lock-by-secret',
          text: `select ${columns}, secret_hash from sessions
                  where secret_hash = $1 and ended_at is null and expires_at > to_timestamp($2::float8 / 1000.0)
                    and ${isBacked}
                    for update`,
          values: [secretHash, now],
        }),
      );
    },
    /** Also one whose time is over: whoever ends it wants it recorded. */
    async lockById(client: pg.PoolClient, id: SessionId): Promise<StoredSession | undefined> {
      return sessionOf(
        await ask<Row>(client, {
          name: 'session-lock-by-id',
          text: `select ${columns} from sessions where id = $1 and ended_at is null for update`,
          values: [id],
        }),
      );
    },
    /** Of one person, or of anybody, a slice of those that were not ended though what they stand on counts no more. */
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
    /** Everybody with a session that has not been ended; it may have expired a moment ago. */
    async people(): Promise<readonly PrincipalId[]> {
      const { rows } = await ask<{ person: PrincipalId }>(pool, {
        name: 'session-people',
        // From one person to the next by the index: it costs as much as there are people, however many sessions they have.
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
    /** The sessions of one person that have not ended, newest first. */
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
    /** Writes a new session, or a new sign-in in one that goes on: in both cases under this secret and no other. */
    async put(client: pg.PoolClient, secretHash: Buffer, session: StoredSession): Promise<void> {
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
          session.id,
          secretHash,
          session.person,
          session.acr,
          session.amr,
          session.authTime,
          session.directoryVersion,
          session.lastSeenAt,
          session.absoluteEndAt,
          session.expiresAt,
          session.tier,
          session.device ?? null,
          session.authenticator ?? null,
          session.issuer ?? null,
          session.described ?? null,
        ],
      });
    },
    /** Moves the idle end; the absolute end stays. */
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

interface OpenRow extends Row {
  readonly secret_hash: Buffer;
}

function openSessionOf({ rows: [row] }: pg.QueryResult<OpenRow>): OpenSession | undefined {
  return row === undefined ? undefined : { session: storedSessionOf(row), secretHash: row.secret_hash };
}

function sessionOf({ rows: [row] }: pg.QueryResult<Row>): StoredSession | undefined {
  return row === undefined ? undefined : storedSessionOf(row);
}

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
