import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256, systemClock, systemRandom } from '@countersign/kernel';
import { Frontier, parseVerifierKey, verifyCheckpoint } from '@countersign/merkle-log';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditLogMigrations, createAuditLog, createProtection, type RunningAuditLog } from '../index.ts';
import { bundleWriter } from '../testing/bundle-writer.ts';
import { logger } from '../testing/rig.ts';
import { callers, type WriterSettings, writerOrigin, writerSealKey, writerSigner } from '../testing/run-writer.ts';
import { startWriter, type WriterProcess } from '../testing/start-writer.ts';
import { createStepProxy, type Direction } from '../testing/step-proxy.ts';
import { tamper } from '../testing/superuser-store.ts';

// Real processes that append, sign and publish to one real database, and are killed while they do.

let bundle: Awaited<ReturnType<typeof bundleWriter>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
const folder = mkdtempSync(join(tmpdir(), 'killed-writer-'));
const everyone: WriterProcess[] = [];

beforeAll(async () => {
  bundle = await bundleWriter();
  database = await createTestDatabase({ components: [auditLogMigrations] });
});
afterAll(async () => {
  for (const writer of everyone) writer.kill();
  await Promise.all(everyone.map(({ ended }) => ended));
  await database.drop();
  bundle.remove();
  rmSync(folder, { recursive: true, force: true });
});

function start(node: string, options: Partial<WriterSettings> = {}): WriterProcess {
  const role = database.components[0]?.role ?? '';
  const writer = startWriter(bundle.file, {
    connection: database.connection,
    role,
    password: database.database.rolesSecret.passwordOf(role),
    guardFolder: join(folder, `guard-${node}`),
    publishTo: join(folder, `published-${node}`),
    ...options,
  });
  everyone.push(writer);
  return writer;
}

/** Where an append, a signature or their related steps are interrupted. */
const steps = [
  'a statement that is not sent',
  'a statement that was sent',
  'an answer that does not arrive',
  'an answer that has arrived',
  'before a signature',
  'after a signature',
  'anywhere',
] as const;
type Step = (typeof steps)[number];

const pieceOf: Partial<Record<Step, readonly [Direction, passes: boolean]>> = {
  'a statement that is not sent': ['asked', false],
  'a statement that was sent': ['asked', true],
  'an answer that does not arrive': ['answered', false],
  'an answer that has arrived': ['answered', true],
};

/** Starts a writer that will be killed at a step, at the latest soon after its first acknowledgement. */
async function victimOf(step: Step, round: number) {
  let armed = false;
  let pieces = 0;
  const [direction, passes] = pieceOf[step] ?? [];
  const proxy = await createStepProxy({
    target: database.connection,
    onPiece(way) {
      // Another message in each round: of an append, a heartbeat, a checkpoint.
      if (!armed || way !== direction || ++pieces <= round) return true;
      if (passes === false) writer.kill();
      else setImmediate(() => writer.kill());
      return passes ?? true;
    },
  });
  const dieAt = step === 'before a signature' ? 'before-signing' : 'after-signing';
  const writer = start('a', {
    connection: { ...database.connection, host: proxy.host, port: proxy.port },
    ...(step.endsWith('a signature') ? { dieAt } : {}),
  });
  return {
    writer,
    async die(): Promise<void> {
      writer.go();
      if (dieAt === undefined || !step.endsWith('a signature')) {
        await writer.until(() => writer.acknowledged.size > 20 * (1 + (round % 3)));
        armed = true;
        if (direction === undefined) setTimeout(() => writer.kill(), round * 7);
      }
      await writer.ended;
      await proxy.close();
    },
  };
}

async function openLog(node: string): Promise<RunningAuditLog> {
  const base = {
    pool: database.pool('audit-log', { maxConnections: 4 }),
    clock: systemClock,
    random: systemRandom,
    logger,
  };
  return createAuditLog({
    ...base,
    protection: createProtection({ ...base, sealing: (region) => ({ bytes: sha256(region) }), regionOf: () => 'eu' }),
    signer: writerSigner(),
    origin: writerOrigin,
    entrySealKey: writerSealKey,
    headGuardFolder: join(folder, `guard-${node}`),
    watchEveryMs: 500,
    clockPolicy: { windowMs: 0 },
  });
}

interface Row {
  readonly record_id: string;
  readonly leaf_hash: Buffer;
}

/** Every acknowledged record is in its position, and every checkpoint shown is of this one tree. */
async function checkAgainst(writers: readonly WriterProcess[], log: RunningAuditLog): Promise<void> {
  const { rows } = await tamper(database.connection, 'select record_id, leaf_hash from entries order by index');
  const stored = rows as readonly Row[];
  const lost = writers.flatMap(({ acknowledged }) =>
    [...acknowledged].filter(([id, index]) => stored[Number(index)]?.record_id !== id),
  );
  expect(lost).toEqual([]);
  expect(new Set(stored.map((row) => row.record_id)).size).toBe(stored.length);
  const key = parseVerifierKey(log.verifierKey());
  const notes = await tamper(database.connection, 'select note from checkpoints');
  const shown = [
    ...writers.flatMap(({ checkpoints }) => checkpoints),
    ...notes.rows.map((row: { note: string }) => row.note),
  ];
  expect(shown.length).toBeGreaterThan(writers.length);
  const heads = shown.map((signedNote) => {
    const verdict = verifyCheckpoint({ signedNote, origin: writerOrigin, logKeys: key.ok ? [key.key] : [] });
    return verdict.ok ? verdict.checkpoint : expect.fail(verdict.reason);
  });
  let tree = Frontier.empty;
  for (const { size, root } of heads.toSorted((one, other) => Number(one.size - other.size))) {
    tree = tree.append(stored.slice(Number(tree.size), Number(size)).map((row) => row.leaf_hash));
    expect(tree.size, 'no checkpoint is of more than there is').toBe(size);
    expect(tree.root().equals(root), `the tree of ${size}`).toBe(true);
  }
}

describe('writers that are killed while they append', () => {
  it('lose no acknowledged record, sign one history, and are replaced by others without manual action', {
    timeout: 180_000,
  }, async () => {
    const rounds = [...steps, ...steps.slice(0, 4)];
    // On the same log throughout: writers killed beside it do not affect it.
    const steady = start('b');
    steady.go();
    let next = victimOf(steps[0], 0);
    for (const [round] of rounds.entries()) {
      const victim = await next;
      // Loaded while the previous one is dying.
      const step = rounds[round + 1];
      if (step !== undefined) next = victimOf(step, round + 1);
      await victim.die();
      expect(victim.writer.failure(), rounds[round]).toBeUndefined();
    }
    await steady.until(() => steady.acknowledged.size > 100);
    await steady.stop();
    expect(steady.failure()).toBeUndefined();
    expect([...steady.refused, ...steady.unsigned]).toEqual([]);

    const log = await openLog('a');
    await checkAgainst(everyone, log);
    expect(await log.verify()).toMatchObject({ ok: true });
    expect(readdirSync(join(folder, 'guard-a')).filter((name) => name.endsWith('.new'))).toEqual([]);

    // Each killed writer falls silent and is reported once; the stopped one has closed its stream.
    await expect
      .poll(async () => (await log.search({ types: ['source.alarm'] })).map(({ record }) => record.data), {
        timeout: 60_000,
        interval: 200,
      })
      .toHaveLength(rounds.length);
    const alarms = (await log.search({ types: ['source.alarm'] })).map(({ record }) => record.data);
    // None is reported as having lost a record, wherever it was interrupted.
    expect(alarms).toEqual(rounds.map(() => expect.objectContaining({ kind: 'silent' })));
    await log.stop();
  });
});

describe('a full disk', () => {
  it('stops signing, publishing and appending, and everything continues once there is room', async () => {
    const writer = start('c');
    writer.go();
    await writer.until(() => writer.checkpoints.length > 0);
    // No file of this process may grow any more (EFBIG): its head guard and its published folder are on such a disk.
    limitFiles(writer.pid, '0:unlimited');
    await writer.until(() => writer.unsigned.has('log_guard_unusable') && writer.refused.length > 0);
    const [appended, shown, refused] = [writer.acknowledged.size, writer.checkpoints.length, writer.refused.length];
    await writer.until(() => writer.refused.length > refused + 100);
    // Only appends already in progress when it stopped.
    expect(writer.acknowledged.size).toBeLessThan(appended + callers);
    expect(writer.checkpoints.length).toBe(shown);
    limitFiles(writer.pid, 'unlimited:unlimited');
    const [resumed, reshown] = [writer.acknowledged.size, writer.checkpoints.length];
    await writer.until(() => writer.acknowledged.size > resumed + 50 && writer.checkpoints.length > reshown + 1);
    await writer.stop();
    expect(writer.failure()).toBeUndefined();
    expect([...new Set(writer.refused)]).toEqual(['log_guard_unusable']);
    expect([...writer.unsigned].filter((code) => !/^log_(?:guard|folder)_unusable$/.test(code))).toEqual([]);
    const published = join(folder, 'published-c', 'checkpoint');
    expect(existsSync(published)).toBe(true);
    expect(readFileSync(published, 'utf8').split('\n')[1]).toMatch(/^\d+$/);
    const log = await openLog('c');
    await checkAgainst([writer], log);
    expect(await log.verify()).toMatchObject({ ok: true });
    await log.stop();
  });
});

function limitFiles(pid: number, limit: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}`]);
}
