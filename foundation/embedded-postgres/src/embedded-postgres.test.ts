import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isProgramOn, type OwnerConnection } from '@countersign/runtime';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './index.ts';

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

/** Whether accounts other than root can read this checkout: not if it is in root's home. */
function othersCanEnter(): boolean {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** In memory if there is room: initdb syncs a lot, and data survives a killed process without a disk. */
const temporary = (): string => {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 1_000_000_000 ? memory : tmpdir();
};

let root: string;
let dataFolder: string;
const servers: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

/** Data of a first start that has been stopped: most tests are about later starts. */
let pristine: string;

beforeAll(async () => {
  pristine = mkdtempSync(join(temporary(), 'embedded-pristine-'));
  chmodSync(pristine, 0o711);
  const server = await startEmbeddedPostgres({ dataFolder: join(pristine, 'data'), fallbackRoots: [] });
  await server.stop();
});

afterAll(() => rmSync(pristine, { recursive: true, force: true }));

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(temporary(), 'embedded-')));
  chmodSync(root, 0o711);
  dataFolder = join(root, 'data');
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  // Starting once more ends a server that outlived its owner.
  if (existsSync(join(dataFolder, 'cluster', 'postmaster.pid')) && servers.length === 0)
    await start().catch(() => undefined);
  for (const server of servers.splice(0)) await server.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 3 });
});

function usePristineData(): void {
  execFileSync('cp', ['-a', join(pristine, 'data'), dataFolder]);
}

async function start(options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataFolder, fallbackRoots: [], ...options });
  servers.push(server);
  return server;
}

async function ask(connection: OwnerConnection, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const serverPid = (folder = dataFolder): number =>
  Number(readFileSync(join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);

interface Owner {
  readonly process: ChildProcess;
  /** The next message that has this member. */
  hear(member: 'progress' | 'ready' | 'failed'): Promise<Record<string, unknown>>;
}

function startInChild(then = 'stay', account: { uid?: number; gid?: number } = {}): Owner {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./owner-process.fixture.mjs', import.meta.url)), dataFolder, then],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, HOME: root, XDG_CACHE_HOME: join(root, 'cache') },
      ...account,
    },
  );
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    async hear(member) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`the child ended without saying ${member}`);
        const message = JSON.parse(value) as Record<string, unknown>;
        if (member in message) return message;
      }
    },
  };
}

async function kill(owner: Owner): Promise<void> {
  owner.process.kill('SIGKILL');
  await once(owner.process, 'exit');
}

describe('the embedded PostgreSQL', () => {
  it('keeps committed data across a restart, durable and reachable only on the loopback', async () => {
    const first = await start();
    await ask(first.connection, 'create table kept (n int); insert into kept values (7)');
    const [settings] = await ask(
      first.connection,
      `select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages, current_setting('synchronous_commit') as commit,
              current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding`,
    );
    expect(settings).toEqual({ fsync: 'on', pages: 'on', commit: 'on', addresses: '127.0.0.1', encoding: 'UTF8' });
    await first.stop();
    await first.stop();

    const second = await start();
    expect(second.connection.password).toBe(first.connection.password);
    expect(second.notes).toEqual([]);
    expect(await ask(second.connection, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('requires the password, and keeps it readable only for its owner', async () => {
    usePristineData();
    const server = await start();
    await expect(ask({ ...server.connection, password: 'guess' }, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(dataFolder, 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataFolder, 'cluster')).mode & 0o777).toBe(0o700);
  });

  it.skipIf(!isRoot || !isLinux)('runs under an unprivileged account when started as root', async () => {
    usePristineData();
    await start();
    const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${serverPid()}/status`, 'utf8'))?.[1];
    expect(Number(uid)).toBeGreaterThan(0);
    expect(Number(uid)).toBe(statSync(join(dataFolder, 'cluster')).uid);
  });

  it.skipIf(!isRoot || !othersCanEnter())('runs as itself when not started as root', async () => {
    chmodSync(root, 0o777);
    const nobody = 65534;
    const owner = startInChild('stay', { uid: nobody, gid: nobody });
    const { ready, pid } = await owner.hear('ready');
    expect(await ask(ready as OwnerConnection, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(statSync(`/proc/${String(pid)}`).uid).toBe(nobody);
  });

  it.skipIf(!isLinux)('is not reached by a Ctrl-C for the parent', async () => {
    usePristineData();
    await start();
    const stat = readFileSync(`/proc/${serverPid()}/stat`, 'utf8');
    const processGroup = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
    expect(processGroup).toBe(serverPid());
  });

  it('takes a free port if the requested one is taken, and says so', async () => {
    usePristineData();
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const address = occupant.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const server = await start({ port });
    expect(server.connection.port).not.toBe(port);
    expect(server.notes).toEqual([expect.stringContaining(`Port ${port} is taken`)]);
    await server.stop();
    occupant.close();
    await once(occupant, 'close');
    expect((await start({ port })).connection.port).toBe(port);
  });

  it('restarts on the same port if the server is killed', async () => {
    usePristineData();
    const server = await start();
    await ask(server.connection, 'create table kept (n int); insert into kept values (1)');
    const before = serverPid();
    process.kill(before, 'SIGKILL');
    await vi.waitFor(async () => expect(await ask(server.connection, 'select n from kept')).toEqual([{ n: 1 }]), {
      timeout: 60_000,
      interval: 50,
    });
    expect(serverPid()).not.toBe(before);
  });

  it('gives instructions if the data is of another version, or its password is lost', async () => {
    usePristineData();
    const version = join(dataFolder, 'cluster', 'PG_VERSION');
    const original = readFileSync(version, 'utf8');
    writeFileSync(version, '12\n');
    await expect(start()).rejects.toMatchObject({
      code: 'postgres_version_mismatch',
      detail: expect.stringContaining('pg_upgrade'),
    });
    writeFileSync(version, original);
    rmSync(join(dataFolder, 'password'));
    await expect(start()).rejects.toMatchObject({ code: 'postgres_password_missing' });
  });

  it('gives the reason if the server does not start', async () => {
    usePristineData();
    appendFileSync(join(dataFolder, 'cluster', 'postgresql.conf'), '\nno_such_setting = 1\n');
    await expect(start()).rejects.toMatchObject({
      code: 'postgres_start_failed',
      detail: expect.stringContaining('server.log'),
    });
  });
});

describe.skipIf(!isRoot)('a data folder that the server may not enter', () => {
  let closed: string;
  let fallback: string;
  beforeEach(() => {
    closed = join(root, 'home');
    mkdirSync(closed);
    chmodSync(closed, 0o700);
    dataFolder = join(closed, 'checkout', 'data');
    fallback = join(root, 'elsewhere');
  });

  it('is replaced by another, named in a note and found again', async () => {
    const first = await start({ fallbackRoots: [fallback] });
    expect(first.dataFolder.startsWith(fallback)).toBe(true);
    expect(first.notes).toEqual([expect.stringContaining(closed)]);
    await ask(first.connection, 'create table kept (n int); insert into kept values (7)');
    await first.stop();
    const second = await start({ fallbackRoots: [join(root, 'not-this')] });
    expect(second.dataFolder).toBe(first.dataFolder);
    expect(second.notes).toEqual([expect.stringContaining(first.dataFolder)]);
    expect(await ask(second.connection, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('is never replaced by an empty database if the other folder is gone or differs', async () => {
    const first = await start({ fallbackRoots: [fallback] });
    await first.stop();
    const marker = join(first.dataFolder, 'countersign-database.json');
    writeFileSync(marker, JSON.stringify({ id: 'of another', requested: '/' }));
    await expect(start({ fallbackRoots: [fallback] })).rejects.toMatchObject({ code: 'database_folder_missing' });
    rmSync(first.dataFolder, { recursive: true });
    await expect(start({ fallbackRoots: [fallback] })).rejects.toMatchObject({
      code: 'database_folder_missing',
      detail: expect.stringContaining(first.dataFolder),
    });
    expect(readdirSync(fallback)).toEqual([]);
  });

  it('does not inherit the data of an earlier checkout at the same path', async () => {
    const first = await start({ fallbackRoots: [fallback] });
    await first.stop();
    rmSync(dataFolder, { recursive: true });
    const second = await start({ fallbackRoots: [fallback] });
    expect(second.dataFolder).not.toBe(first.dataFolder);
  });

  it('is an error if there is no other place', async () => {
    await expect(start()).rejects.toMatchObject({
      code: 'database_folder_unusable',
      detail: expect.stringContaining('DATABASE_URL'),
    });
  });
});

describe('after a crash', () => {
  it('ends the server that outlived its killed owner, without data loss', async () => {
    usePristineData();
    const owner = startInChild();
    const { ready, pid } = await owner.hear('ready');
    await ask(ready as OwnerConnection, 'create table kept (n int); insert into kept values (7)');
    await kill(owner);
    expect(isProgramOn(Number(pid), 'postgres', join(dataFolder, 'cluster'))).toBe(true);

    const server = await start();
    expect(isProgramOn(Number(pid), 'postgres', join(dataFolder, 'cluster'))).toBe(false);
    expect(await ask(server.connection, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it.skipIf(!isLinux)('also ends it if the data folder was renamed meanwhile', async () => {
    usePristineData();
    const owner = startInChild();
    const { pid } = await owner.hear('ready');
    await kill(owner);
    renameSync(dataFolder, join(root, 'renamed'));
    dataFolder = join(root, 'renamed');
    const server = await start();
    expect(isProgramOn(Number(pid), 'postgres', join(dataFolder, 'cluster'))).toBe(false);
    expect(await ask(server.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('recovers committed data if owner and server were killed together', async () => {
    usePristineData();
    const owner = startInChild();
    const { ready, pid } = await owner.hear('ready');
    await ask(ready as OwnerConnection, 'create table kept (n int); insert into kept select generate_series(1, 1000)');
    await kill(owner);
    process.kill(Number(pid), 'SIGKILL');

    const server = await start();
    expect(await ask(server.connection, 'select count(*)::int as n from kept')).toEqual([{ n: 1000 }]);
  });

  it('leaves alone a process that now has the pid of the old server', async () => {
    usePristineData();
    const { uid, gid } = statSync(join(dataFolder, 'cluster'));
    // Same account as the server: PostgreSQL itself would mistake this process for a running server.
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) });
    children.push(bystander);
    const stale = join(dataFolder, 'cluster', 'postmaster.pid');
    writeFileSync(
      stale,
      `${bystander.pid}\n${join(dataFolder, 'cluster')}\n1700000000\n5432\n\n127.0.0.1\n  1234567  99999\nready   \n`,
    );
    if (isRoot) chownSync(stale, uid, gid);
    const server = await start();
    expect(await ask(server.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });

  it('starts despite a pid file that a power cut left empty', async () => {
    usePristineData();
    writeFileSync(join(dataFolder, 'cluster', 'postmaster.pid'), '');
    expect(await ask((await start()).connection, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('recreates the data if the first start was killed half-way', async () => {
    const owner = startInChild();
    while ((await owner.hear('progress'))['progress'] !== 'Creating the database (first start)');
    await vi.waitFor(
      () => expect(readdirSync(dataFolder).some((name) => /^cluster\.new-[0-9a-f]+$/.test(name))).toBe(true),
      {
        interval: 1,
        timeout: 60_000,
      },
    );
    await kill(owner);

    const server = await start();
    expect(await ask(server.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(readdirSync(dataFolder).filter((name) => name.startsWith('cluster'))).toEqual(['cluster']);
  });

  it.skipIf(!isLinux)('leaves no server behind if the owner exits without stopping it', async () => {
    usePristineData();
    const owner = startInChild('exit');
    const { pid } = await owner.hear('ready');
    await vi.waitFor(() => expect(isProgramOn(Number(pid), 'postgres', join(dataFolder, 'cluster'))).toBe(false), {
      timeout: 60_000,
      interval: 20,
    });
  });
});

describe('a data folder in use', () => {
  it('is refused to a second owner, in the same process and from another, and keeps working for the first', async () => {
    usePristineData();
    const server = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'database_in_use',
      detail: expect.stringContaining(String(process.pid)),
    });
    expect(await startInChild().hear('failed')).toEqual({ failed: 'database_in_use' });
    expect(await ask(server.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('is given to exactly one of several simultaneous starts', async () => {
    usePristineData();
    const outcomes = await Promise.allSettled([start(), start(), start()]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'database_in_use' });
  });
});
