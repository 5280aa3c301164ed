import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@countersign/kernel';
import { createFaultyProxy } from '@countersign/testkit';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  addressOfDatabase,
  componentPool,
  createScratchDatabase,
  listen,
  notifyAfterCommit,
  openDatabase,
  rolesSecret,
  rolesSecretByGroup,
  rolesSecretFromFile,
  type ScratchDatabase,
  transaction,
  withoutAccount,
  withoutHeldConnection,
} from './index.ts';

let folder: string;
let scratch: ScratchDatabase;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'database-'));
  mkdirSync(join(folder, 'migrations'));
  writeFileSync(
    join(folder, 'migrations', '0001_notes.sql'),
    `create table notes (text text not null unique deferrable initially deferred);
     create table small (id integer primary key);
     insert into small values (1);
     analyze small;`,
  );
  scratch = await createScratchDatabase({
    components: [
      {
        name: 'alpha',
        schema: 'alpha',
        role: 'countersign_alpha',
        grants: 'full',
        migrationsFolder: join(folder, 'migrations'),
      },
    ],
  });
});
afterAll(async () => {
  await scratch.drop();
  rmSync(folder, { recursive: true });
});

const access = () => {
  const [alpha] = scratch.components;
  if (alpha === undefined) throw new Error('the scratch database has lost its component');
  return { database: scratch.database, role: alpha.role, schema: alpha.schema, applicationName: 'database-test' };
};

const unavailable = { code: 'database_unavailable', category: 'unavailable' };

/** A network to the server that fails on request. */
async function network() {
  const proxy = await createFaultyProxy({ target: scratch.connection });
  const connection = proxy.through(scratch.connection);
  return { ...proxy, access: { ...access(), database: { ...scratch.database, connection } } };
}

describe('a transaction', () => {
  let pool: pg.Pool;
  beforeAll(() => {
    pool = scratch.pool('alpha', { maxConnections: 2 });
  });
  beforeEach(() => pool.query('delete from notes'));
  const texts = async (): Promise<string[]> =>
    (await pool.query<{ text: string }>('select text from notes order by 1')).rows.map((row) => row.text);

  it('commits when the work resolves, and returns its result', async () => {
    const result = await transaction(pool, async (client) => {
      await client.query(`insert into notes values ('a')`);
      return 7;
    });
    expect(result).toBe(7);
    expect(await texts()).toEqual(['a']);
  });

  it('rolls back when the work throws, and rethrows the error', async () => {
    const error = new Error('changed my mind');
    const work = transaction(pool, async (client) => {
      await client.query(`insert into notes values ('a')`);
      throw error;
    });
    await expect(work).rejects.toBe(error);
    expect(await texts()).toEqual([]);
  });

  it('does not count as committed if a failed statement inside was ignored', async () => {
    const work = transaction(pool, async (client) => {
      await client.query(`insert into notes values ('a')`);
      await client.query('select no_such_column').catch(() => undefined);
    });
    await expect(work).rejects.toThrow('ignored');
    expect(await texts()).toEqual([]);
  });

  it('fails if a constraint is violated at the commit itself', async () => {
    const work = transaction(pool, (client) => client.query(`insert into notes values ('a'), ('a')`));
    await expect(work).rejects.toMatchObject({ code: '23505' });
    expect(await texts()).toEqual([]);
  });

  it('is unavailable, not hanging, if a statement takes too long or a lock is not free', async () => {
    const hurried = scratch.pool('alpha', { statementTimeoutMs: 100 });
    await expect(transaction(hurried, (client) => client.query('select pg_sleep(60)'))).rejects.toMatchObject(
      unavailable,
    );
    const impatient = scratch.pool('alpha', { lockTimeoutMs: 50 });
    await pool.query(`insert into notes values ('a')`);
    await transaction(pool, async (client) => {
      await client.query('delete from notes');
      await expect(transaction(impatient, (other) => other.query('delete from notes'))).rejects.toMatchObject(
        unavailable,
      );
    });
  });

  it('is unavailable if every connection is taken', async () => {
    const small = scratch.pool('alpha', { maxConnections: 1, connectTimeoutMs: 200 });
    // The first connection, which has the same limit, must be open before the test counts on one.
    await vi.waitFor(() => small.query('select 1'), 60_000);
    await transaction(small, async () => {
      await expect(withoutHeldConnection(() => transaction(small, async () => 1))).rejects.toMatchObject(unavailable);
    });
  });

  it('survives sessions ended by the administrator, both idle and between two statements', async () => {
    const work = transaction(pool, async (client) => {
      await client.query(`insert into notes values ('a')`);
      const noticed = new Promise<void>((resolve) => client.on('end', () => resolve()));
      const owner = new pg.Client(scratch.connection);
      await owner.connect();
      await owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alpha'`);
      await owner.end();
      await noticed;
      await client.query('select 1');
    });
    await expect(work).rejects.toMatchObject(unavailable);
    expect(await texts()).toEqual([]);
  });

  it('logs why a connection broke, without secrets, and nothing for one being closed', async () => {
    const errors: Error[] = [];
    const told = scratch.pool('alpha', { onError: (error) => errors.push(error) });
    const owner = new pg.Client(scratch.connection);
    await owner.connect();
    const end = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alpha'`;
    await told.query('select 1');
    await owner.query(end);
    await vi.waitFor(() => expect(errors).toHaveLength(1), 60_000);
    expect(errors[0]).toMatchObject({ code: '57P01' });
    expect(JSON.stringify(errors[0])).not.toContain('secretKey');

    await told.query('select 1');
    const ended = told.end();
    // The driver's message when the server closed the connection first.
    told.emit('error', new Error('terminating connection'), new pg.Client());
    await Promise.all([ended, owner.query(end)]);
    expect(errors).toHaveLength(1);
    await owner.end();
  });

  it('survives a cut network, and an answer that never comes', async () => {
    const wire = await network();
    const errors: Error[] = [];
    const far = componentPool({
      ...wire.access,
      maxConnections: 2,
      // The driver waits two seconds longer than the server, so timely answers still arrive.
      statementTimeoutMs: 2_000,
      connectTimeoutMs: 30_000,
      onError: (error) => errors.push(error),
    });
    await far.query('select 1');
    wire.cut();
    await vi.waitFor(() => expect(errors).toHaveLength(1), 60_000);

    const cutInside = transaction(far, async (client) => {
      await client.query(`insert into notes values ('cut')`);
      wire.cut();
      await client.query('select 1');
    });
    await expect(cutInside).rejects.toMatchObject(unavailable);
    expect(await texts()).toEqual([]);

    const lostAnswer = transaction(far, async (client) => {
      await client.query(`insert into notes values ('who knows')`);
      wire.loseAnswers();
    });
    await expect(lostAnswer).rejects.toMatchObject(unavailable);
    await wire.restore();
    await vi.waitFor(async () => expect(await texts()).toEqual(['who knows']), 60_000);
    expect((await far.query('select 1 as n')).rows).toEqual([{ n: 1 }]);

    await wire.close();
    await expect(transaction(far, async () => 1)).rejects.toMatchObject(unavailable);
    await far.end();
  });
});

describe('a pool', () => {
  it('bounds every wait and sees only its own schema', async () => {
    const { rows } = await scratch.pool('alpha').query(
      `select current_setting('search_path') as path, current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
              current_setting('idle_in_transaction_session_timeout') as idle, current_setting('application_name') as name`,
    );
    expect(rows).toEqual([{ path: 'alpha,pg_temp', statement: '15s', lock: '5s', idle: '15s', name: 'alpha' }]);
  });

  it.each(['', '?sslmode=disable', '?user=somebody-else&password=else'])(
    'signs in as the role over a URL that names the owner%s',
    async (query) => {
      const { host, port, database, user, password } = scratch.connection;
      const url = `postgres://${user}:${password}@${host}:${port}/${database}${query}`;
      const pool = componentPool({ ...access(), database: { ...scratch.database, connection: { url } } });
      expect((await pool.query('select session_user as name')).rows).toEqual([{ name: access().role }]);
      await pool.end();
    },
  );
});

describe('a pool over a URL with options of its own', () => {
  it('keeps them, and appends the settings it needs', async () => {
    const { host, port, database, user, password } = scratch.connection;
    const options = encodeURIComponent('-c synchronous_commit=off -c work_mem=8MB');
    const url = `postgres://${user}:${password}@${host}:${port}/${database}?options=${options}`;
    const pool = componentPool({ ...access(), database: { ...scratch.database, connection: { url } } });
    const { rows } = await pool.query(
      `select current_setting('synchronous_commit') as commits, current_setting('work_mem') as memory, current_setting('search_path') as path`,
    );
    expect(rows).toEqual([{ commits: 'on', memory: '8MB', path: 'alpha,pg_temp' }]);
    await pool.end();
  });
});

describe('a pool that reads by index alone', () => {
  it('plans an index scan by key for a table that will grow, however small it is', async () => {
    const planOf = async (byIndexAlone: boolean): Promise<string> => {
      const pool = scratch.pool('alpha', { byIndexAlone, maxConnections: 1 });
      const { rows } = await pool.query('explain (costs off) select * from small where id = 1');
      return JSON.stringify(rows);
    };
    expect(await planOf(false)).toContain('Seq Scan');
    expect(await planOf(true)).toContain('Index');
  });
});

describe('opening the database', () => {
  const secret = rolesSecret('0123456789abcdef0123456789abcdef');

  it('reports the version of a suitable one', async () => {
    expect((await openDatabase({ connection: scratch.connection, rolesSecret: secret })).serverVersion).toMatch(
      /^\d+\.\d+/,
    );
  });

  it('refuses one that could lose a commit, unless that is accepted', async () => {
    const forgetful = await createScratchDatabase();
    const owner = new pg.Client(forgetful.connection);
    await owner.connect();
    await owner.query(`alter database ${forgetful.connection.database} set synchronous_commit = off`);
    await owner.end();
    const { connection } = forgetful;
    await expect(openDatabase({ connection, rolesSecret: secret })).rejects.toMatchObject({
      code: 'database_unsuitable',
    });
    await openDatabase({ connection, rolesSecret: secret, acceptLoss: true });
    await forgetful.drop();
  });

  it('does not retry a wrong password', async () => {
    const connection = { ...scratch.connection, password: 'wrong' };
    await expect(openDatabase({ connection, rolesSecret: secret, waitMs: 600_000 })).rejects.toMatchObject(unavailable);
  });

  it('waits for one that is starting, within a bound', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    closed.close();
    await once(closed, 'close');
    const told: string[] = [];
    const opening = openDatabase({
      connection: { ...scratch.connection, port },
      rolesSecret: secret,
      waitMs: 50,
      onProgress: (message) => told.push(message),
    });
    await expect(opening).rejects.toMatchObject(unavailable);
    expect(told).toEqual(['Waiting for the database']);
  });

  it.each(['mysql://x/y', 'localhost:5432', ''])('refuses %j as a URL', async (url) => {
    await expect(openDatabase({ connection: { url }, rolesSecret: secret })).rejects.toMatchObject({
      code: 'database_url_invalid',
    });
  });
});

describe('the secret of the roles', () => {
  it('is created once, readable only for its owner, and gives each role its own password', () => {
    const path = join(folder, 'roles-secret');
    const first = rolesSecretFromFile(path, systemRandom);
    const second = rolesSecretFromFile(path, systemRandom);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(second.passwordOf('a')).toBe(first.passwordOf('a'));
    expect(first.passwordOf('a')).not.toBe(first.passwordOf('b'));
    expect(second.fingerprint).toBe(first.fingerprint);
  });

  it('is refused if it is too short', () => {
    expect(() => rolesSecret('short')).toThrow(expect.objectContaining({ code: 'roles_secret_invalid' }));
  });
});

describe('the secret of a group of roles', () => {
  const installation = rolesSecret('x'.repeat(32));

  it('gives the same passwords as the installation for its roles, and no others', () => {
    const byGroup = rolesSecretByGroup(installation, (role) => (role === 'reader' ? 'evidence' : 'edge'));
    const edge = rolesSecret(installation.ofGroup('edge'));
    expect(byGroup.passwordOf('writer')).toBe(edge.passwordOf('writer'));
    expect(byGroup.passwordOf('reader')).not.toBe(edge.passwordOf('reader'));
    expect(byGroup.passwordOf('reader')).toBe(rolesSecret(installation.ofGroup('evidence')).passwordOf('reader'));
    expect(byGroup.fingerprint).toBe(installation.fingerprint);
  });

  it('is neither one of the passwords nor the fingerprint of a secret', () => {
    const told = [installation.fingerprint, installation.passwordOf('edge'), installation.ofGroup('core')];
    expect(told).not.toContain(installation.ofGroup('edge'));
  });
});

describe('the address of a database', () => {
  it.each([
    ['postgres://user:pass@db:5432/name', 'postgres://db:5432/name'],
    ['postgres://user:p@ss@db/name?sslmode=verify-full', 'postgres://db/name?sslmode=verify-full'],
    ['postgresql://db/name?user=a&sslmode=verify-full&password=b', 'postgresql://db/name?sslmode=verify-full'],
    ['postgres://db/name?us%65r=a', 'postgres://db/name'],
    ['postgres://db/name?options=-c%20a%3Db%40c', 'postgres://db/name?options=-c%20a%3Db%40c'],
    ['socket:/run/postgresql?db=name&user=a&password=b', 'socket:/run/postgresql?db=name'],
    ['socket://user:pass@/run/postgresql?db=name', 'socket:///run/postgresql?db=name'],
  ])('%s has no account: %s', (url, address) => {
    expect(withoutAccount(url)).toBe(address);
    expect(withoutAccount(address)).toBe(address);
  });
});

describe('the connections of a database', () => {
  it.each([
    ['postgres://db.internal:6432/name', { host: 'db.internal', port: 6432 }],
    ['postgres://db.internal/name?sslmode=verify-full', { host: 'db.internal', port: 5432 }],
    ['socket:/run/postgresql?db=name', { path: '/run/postgresql/.s.PGSQL.5432' }],
    ['postgres:///name?host=/run/postgresql&port=6432', { path: '/run/postgresql/.s.PGSQL.6432' }],
  ])('of %s', (url, address) => {
    expect(addressOfDatabase({ url })).toEqual(address);
  });
});

describe('listening', () => {
  it('receives notifications, and after every break asks for a refresh and receives again', async () => {
    const wire = await network();
    let heard = 0;
    let reconnects = 0;
    const subscription = await listen({
      ...wire.access,
      channel: 'snapshot',
      onNotify: () => {
        heard++;
      },
      onReconnect: () => {
        reconnects++;
      },
    });
    const pool = scratch.pool('alpha');
    const notify = () => pool.query(`select pg_notify('snapshot', 'said')`);
    await notify();
    await vi.waitFor(() => expect(heard).toBe(1), 60_000);

    wire.cut();
    await vi.waitFor(() => expect(reconnects).toBe(1), { timeout: 60_000 });
    await notify();
    await vi.waitFor(() => expect(heard).toBe(2), 60_000);
    await subscription.close();
    await notify();
    expect(heard).toBe(2);
    await wire.close();
  });

  it('wakes up once for any number of notifications close together, from any sender', async () => {
    let heard = 0;
    const subscription = await listen({
      ...access(),
      channel: 'flood',
      quietMs: 600_000,
      onNotify: () => {
        heard++;
      },
      onReconnect: () => undefined,
    });
    const pool = scratch.pool('alpha', { maxConnections: 1 });
    for (let round = 0; round < 50; round++)
      await pool.query(`select pg_notify('flood', n::text) from generate_series(1, 100) as n`);
    await vi.waitFor(() => expect(heard).toBe(1), 60_000);
    await subscription.close();
  });

  it('is notified of a transaction after its commit, and a failed notification does not affect the commit', async () => {
    const pool = scratch.pool('alpha', { maxConnections: 2 });
    const reader = scratch.pool('alpha', { maxConnections: 1 });
    await reader.query('delete from notes');
    const seen = new Promise<number | null>((resolve, reject) => {
      void listen({
        ...access(),
        channel: 'committed',
        onNotify: () => {
          reader.query('select from notes').then(({ rowCount }) => resolve(rowCount), reject);
        },
        onReconnect: () => undefined,
      }).then(async (subscription) => {
        await transaction(pool, async (client) => {
          await client.query(`insert into notes values ('announced')`);
          notifyAfterCommit(client, 'committed');
        });
        await seen.finally(() => subscription.close());
      }, reject);
    });
    expect(await seen).toBe(1);

    await transaction(pool, async (client) => {
      await client.query(`insert into notes values ('also kept')`);
      // PostgreSQL refuses so long a channel name.
      notifyAfterCommit(client, 'x'.repeat(100));
    });
    expect((await reader.query('select from notes')).rowCount).toBe(2);
    await vi.waitFor(() => expect(pool.idleCount).toBe(pool.totalCount), 60_000);

    const failed = transaction(pool, async (client) => {
      notifyAfterCommit(client, 'committed');
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
  });

  it('detects a connection that has silently died', async () => {
    const wire = await network();
    let reconnected = false;
    const subscription = await listen({
      ...wire.access,
      channel: 'snapshot',
      heartbeatMs: 20,
      onNotify: () => undefined,
      onReconnect: () => {
        reconnected = true;
      },
    });
    wire.forget();
    await vi.waitFor(() => expect(reconnected).toBe(true), { timeout: 60_000 });
    await subscription.close();
    await wire.close();
  });

  it('survives callbacks that throw', async () => {
    const errors: unknown[] = [];
    const subscription = await listen({
      ...access(),
      channel: 'snapshot',
      onNotify: () => {
        throw new Error('in a callback');
      },
      onReconnect: () => undefined,
      onError: (error) => errors.push(error),
    });
    await scratch.pool('alpha').query('notify snapshot');
    await vi.waitFor(() => expect(errors).toEqual([new Error('in a callback')]), 60_000);
    await subscription.close();
  });

  it('fails immediately if there is no database at the start', async () => {
    const wire = await network();
    await wire.close();
    await expect(
      listen({ ...wire.access, channel: 'snapshot', onNotify: () => undefined, onReconnect: () => undefined }),
    ).rejects.toMatchObject(unavailable);
  });
});
