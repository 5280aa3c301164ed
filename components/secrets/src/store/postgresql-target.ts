import { secretsErrors } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import pg from 'pg';

/** A leased credential in its database. */
export interface LeasedCredential {
  readonly username: string;
  /** SCRAM-SHA-256, in PostgreSQL's form. */
  readonly verifier: string;
  readonly memberOf: readonly string[];
  readonly connections: number;
  /** Milliseconds since the epoch. */
  readonly validUntil: number;
}

/**
 * A database whose credentials are leased. Every method can be repeated. The caller holds the lock of the lease. The
 * lock is not in the leased database: there a holder could take it and keep their own credential from being removed.
 */
export interface LeaseTarget {
  /**
   * Creates or corrects the credential.
   * @throws CodedError `lease_target_unavailable`
   */
  ensure(credential: LeasedCredential): Promise<void>;
  /**
   * Ends the use of credentials, in one transaction: no new sessions, and the present ones end. They still exist until they are
   * removed, which takes longer. Unknown names are ignored.
   *
   * @param usernames at most 100
   * @throws CodedError `lease_target_unavailable`
   */
  shutOut(usernames: readonly string[]): Promise<void>;
  /**
   * Removes the credential and ends its sessions.
   *
   * @returns how many sessions were ended
   * @throws CodedError `lease_target_unavailable`
   */
  remove(username: string): Promise<{ readonly sessions: number }>;
  /** Names of credentials that start with a prefix, at most 10,000. @throws CodedError `lease_target_unavailable` */
  leased(prefix: string): Promise<readonly string[]>;
  /** Host, port and database, for the holders of leases. */
  readonly place: { readonly host: string; readonly port: number; readonly database: string };
  stop(): Promise<void>;
}

const { escapeIdentifier: name, escapeLiteral: literal } = pg;

/**
 * A PostgreSQL database. The account of the URL may create roles and has the leased roles with ADMIN OPTION; it need
 * not be a superuser.
 * @param options.authorities PEM of the authorities of the server's certificate
 */
export function createPostgresqlTarget({
  url,
  authorities,
  maxConnections = 4,
  onError,
}: {
  readonly url: string;
  readonly authorities?: string;
  readonly maxConnections?: number;
  readonly onError: (error: Error) => void;
}): LeaseTarget {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 10_000,
    lock_timeout: 5_000,
    query_timeout: 12_000,
    application_name: 'countersign secrets',
    ...(authorities === undefined ? {} : { ssl: { ca: authorities, rejectUnauthorized: true } }),
  });
  pool.on('error', onError);
  const { host, port, database = '' } = new pg.Client({ connectionString: url });

  async function within<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient | undefined;
    let broken: Error | undefined;
    try {
      client = await pool.connect();
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (cause) {
      broken = cause instanceof Error ? cause : new Error('the database refused');
      // The connection is not used again: its state is unknown.
      throw secretsErrors.error(
        'lease_target_unavailable',
        'The database refused the credential or did not answer. Try again.',
        { cause, internal: broken.message },
      );
    } finally {
      client?.release(broken);
    }
  }

  async function oidOf(client: pg.PoolClient, username: string): Promise<number | undefined> {
    const { rows } = await client.query<{ oid: number }>('select oid from pg_roles where rolname = $1', [username]);
    return rows[0]?.oid;
  }

  /** @param waitMs for the end of each session @returns the process ids of the ended sessions */
  async function endSessions(
    client: pg.PoolClient,
    oids: readonly number[],
    waitMs = 2_000,
  ): Promise<readonly number[]> {
    // Otherwise the transaction keeps seeing the sessions of its first query.
    await client.query('select pg_stat_clear_snapshot()');
    const { rows } = await client.query<{ pid: number }>(
      'select pid, pg_terminate_backend(pid, $2) from pg_stat_activity where usesysid = any($1) and pid <> pg_backend_pid()',
      [oids, waitMs],
    );
    return rows.map(({ pid }) => pid);
  }

  /** No new sessions; this account may end the present ones. @returns the oids of the credentials that exist */
  async function shut(client: pg.PoolClient, usernames: readonly string[]): Promise<readonly number[]> {
    const { rows } = await client.query<{ oid: number; rolname: string; version: string }>(
      "select oid, rolname, current_setting('server_version_num') as version from pg_roles where rolname = any($1)",
      [usernames],
    );
    for (const { rolname, version } of rows) {
      await client.query(`alter role ${name(rolname)} nologin password null valid until '-infinity'`);
      // From PostgreSQL 16 on, the creator of a role administers it without having its rights.
      const how = Number(version) >= 160_000 ? ' with inherit true, set true' : '';
      await client.query(`grant ${name(rolname)} to current_user${how}`);
    }
    return rows.map(({ oid }) => oid);
  }

  return {
    place: { host, port, database },
    ensure: ({ username, verifier, memberOf, connections, validUntil }) =>
      within(async (client) => {
        // Rights over the whole server are never leased, even if a definition names them.
        const { rows: powerful } = await client.query(
          `select from pg_roles where rolname = any($1)
             and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolname = current_user)`,
          [memberOf],
        );
        if (powerful.length > 0) throw new Error('a role of the definition has rights over the whole server');
        const verb = (await oidOf(client, username)) === undefined ? 'create' : 'alter';
        await client.query(
          `${verb} role ${name(username)} login connection limit ${Math.trunc(connections)} password ${literal(verifier)} valid until ${literal(toInstant(validUntil))}`,
        );
        await client.query(`grant ${memberOf.map(name).join(', ')} to ${name(username)}`);
      }),
    async shutOut(usernames) {
      const oids = await within((client) => shut(client, usernames));
      if (oids.length > 0) await within((client) => endSessions(client, oids, 0));
    },
    async remove(username) {
      const [oid] = await within((client) => shut(client, [username]));
      if (oid === undefined) return { sessions: 0 };
      return within(async (client) => {
        const sessions = new Set(await endSessions(client, [oid]));
        if ((await oidOf(client, username)) === oid) {
          await client.query(`reassign owned by ${name(username)} to current_user`);
          await client.query(`drop owned by ${name(username)}`);
          await client.query(`drop role ${name(username)}`);
        }
        // A holder may have authenticated just before the role lost its login.
        for (const pid of await endSessions(client, [oid])) sessions.add(pid);
        return { sessions: sessions.size };
      });
    },
    leased: (prefix) =>
      within(async (client) => {
        const { rows } = await client.query<{ rolname: string }>(
          'select rolname from pg_roles where starts_with(rolname, $1) order by rolname limit 10000',
          [prefix],
        );
        return rows.map(({ rolname }) => rolname);
      }),
    stop: () => pool.end(),
  };
}
