import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { isCodedError, systemClock, systemRandom } from '@countersign/kernel';
import { createScratchDatabase, type ScratchDatabase } from '@countersign/runtime';
import { createMemorySigner } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditLogMigrations, createAuditLog, createProtection, type RunningAuditLog } from '../index.ts';
import { drafts, entrySealKey, logger, sealingOf } from '../testing/rig.ts';

// A PostgreSQL of this file's own, which is killed, stopped, filled and reset under a running log.

const signer = createMemorySigner();
const folder = mkdtempSync(join(tmpdir(), 'failing-database-'));
const disk = join(folder, 'disk');
const dataFolder = join(disk, 'data');
const mounted = mountSmallDisk();
let server: EmbeddedPostgres;
let scratch: ScratchDatabase;
let log: RunningAuditLog;
const acknowledged = new Map<string, bigint>();

beforeAll(async () => {
  // Started as root, the server runs under another account, which needs access.
  chmodSync(folder, 0o711);
  chmodSync(disk, 0o711);
  server = await startEmbeddedPostgres({ dataFolder, fallbackRoots: [] });
  scratch = await createScratchDatabase({ server: server.connection, components: [auditLogMigrations] });
  log = await open();
});
afterAll(async () => {
  await log.stop().catch(() => undefined);
  await server.stop();
  if (mounted) execFileSync('umount', [disk]);
  rmSync(folder, { recursive: true, force: true });
});

/** A separate disk that can be filled; if nothing can be mounted, a folder with a file size limit. */
function mountSmallDisk(): boolean {
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'none', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function open(): Promise<RunningAuditLog> {
  const pool = scratch.pool('audit-log', { maxConnections: 4, connectTimeoutMs: 10_000, statementTimeoutMs: 15_000 });
  const base = { pool, clock: systemClock, random: systemRandom, logger };
  return createAuditLog({
    ...base,
    signer,
    origin: 'log.example/failing',
    entrySealKey,
    protection: createProtection({ ...base, sealing: sealingOf, regionOf: () => 'eu' }),
    headGuardFolder: join(folder, 'guard'),
    checkpointEveryMs: 600_000,
    beatEveryMs: 0,
    watchEveryMs: 0,
    clockPolicy: { windowMs: 0 },
  });
}

/** Appends concurrently. @returns the number acknowledged; the others were refused with `log_unavailable` */
async function append(count: number): Promise<number> {
  let mine = 0;
  await Promise.all(
    drafts(count).map((one) =>
      log.append(one).then(
        ({ id, index }) => {
          acknowledged.set(id, index);
          mine++;
        },
        (error: unknown) => {
          if (!isCodedError(error, 'log_unavailable')) throw error;
        },
      ),
    ),
  );
  return mine;
}

/** Appending continues by itself, and every acknowledged record is present. */
async function expectRecovery(): Promise<void> {
  await expect.poll(() => append(1), { timeout: 60_000, interval: 100 }).toBe(1);
  for (const [id, index] of acknowledged) {
    const found = await log.find(id as never);
    expect(found?.index, id).toBe(index);
  }
  await log.checkpoint();
  expect(await log.verify()).toMatchObject({ ok: true });
}

/** Space already allocated takes a while to fill. */
async function untilRefused(): Promise<void> {
  for (let turn = 0; (await append(256)) > 0; turn++) expect(turn).toBeLessThan(500);
}

/** Fills the disk to its last block. */
function fill(file: string): void {
  const block = Buffer.alloc(65_536);
  const target = openSync(file, 'w');
  try {
    for (;;) writeSync(target, block);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(target);
  }
}

const postmaster = (): number =>
  Number(readFileSync(join(server.dataFolder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
const backends = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === postmaster());
function parentOf(pid: number): number | undefined {
  try {
    return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** Runs an action on the database while records are being appended. */
async function during(work: () => void | Promise<void>): Promise<void> {
  let running = true;
  const load = (async () => {
    while (running) await append(16);
  })();
  await work();
  running = false;
  await load;
}

describe('a database that crashes', () => {
  it.each([
    ['at once and altogether', () => process.kill(postmaster(), 'SIGKILL')],
    ['without time to write anything down (an immediate stop)', () => process.kill(postmaster(), 'SIGQUIT')],
    ['by one of its processes', () => process.kill(backends().at(-1) ?? 0, 'SIGKILL')],
  ])(
    '%s during a commit loses nothing that was acknowledged',
    async (_, kill) => {
      await append(20);
      await during(async () => {
        for (let time = 0; time < 2; time++) {
          kill();
          await new Promise((resolve) => setTimeout(resolve, 50));
          await expect.poll(() => append(1), { timeout: 60_000, interval: 50 }).toBe(1);
        }
      });
      await expectRecovery();
    },
    120_000,
  );

  it('and is restarted by an administrator refuses every append until then and none after it', async () => {
    const { port } = server.connection;
    await server.stop();
    expect(await append(20)).toBe(0);
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'log_unavailable' });
    server = await startEmbeddedPostgres({ dataFolder, port, fallbackRoots: [] });
    expect(server.connection.port).toBe(port);
    await expectRecovery();
  }, 120_000);
});

describe('a full database disk', () => {
  it.runIf(mounted)(
    'makes every append fail until there is room, without manual action',
    async () => {
      const ballast = join(disk, 'ballast');
      fill(ballast);
      try {
        await untilRefused();
      } finally {
        rmSync(ballast);
      }
      await expectRecovery();
    },
    120_000,
  );

  it.runIf(canLimit())(
    '(or a file size limit) makes appends fail and recovers by itself',
    async () => {
      // Less than a segment of its write-ahead log: nothing can be committed.
      for (const pid of [...backends(), postmaster()]) limitFiles(pid, '4096:unlimited');
      await untilRefused();
      // The server may have given up and restarted without the limit, so the limit is set again each time.
      await expect
        .poll(
          () => {
            for (const pid of [...backends(), postmaster()])
              try {
                limitFiles(pid, 'unlimited:unlimited');
              } catch {
                // The process has already exited.
              }
            return append(1);
          },
          { timeout: 60_000, interval: 100 },
        )
        .toBe(1);
      await expectRecovery();
    },
    120_000,
  );
});

describe('a snapshot of the whole database', () => {
  it('that is restored is refused with instructions, and the newer database continues', async () => {
    const { port } = server.connection;
    const restart = async (): Promise<void> => {
      server = await startEmbeddedPostgres({ dataFolder, port, fallbackRoots: [] });
    };
    const data = server.dataFolder;
    await append(20);
    await log.checkpoint();
    await log.stop();
    await server.stop();
    // Keeps the account that owns it, under which the server runs.
    execFileSync('cp', ['-a', data, `${data}-older`]);
    await restart();
    log = await open();
    await append(20);
    const newest = await log.checkpoint();
    await log.stop();
    await server.stop();
    renameSync(data, `${data}-newer`);
    renameSync(`${data}-older`, data);
    await restart();
    await expect(open()).rejects.toMatchObject({
      code: 'log_inconsistent',
      detail: expect.stringMatching(/restored from an older[\s\S]*Restore the database to a state with all/),
    });
    await server.stop();
    rmSync(data, { recursive: true });
    renameSync(`${data}-newer`, data);
    await restart();
    log = await open();
    await expectRecovery();
    expect((await log.checkpoint()).split('\n')[1]).not.toBe(newest.split('\n')[1]);
  }, 120_000);
});

/** As the account of the process, which may do so even where root may not. */
function limitFiles(pid: number, limit: string): void {
  const { uid, gid } = statSync(`/proc/${pid}`);
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}`], { uid, gid, stdio: 'ignore' });
}

function canLimit(): boolean {
  try {
    execFileSync('prlimit', ['--pid', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
