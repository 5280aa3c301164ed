import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { auditLogMigrations, createAuditLog, type RunningAuditLog } from '@countersign/audit-log';
import type { RecordDraft } from '@countersign/contracts';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import { newId, sha256, systemClock, systemRandom } from '@countersign/kernel';
import { parsePolicy, parseVerifierKey, verifyByPolicy } from '@countersign/merkle-log';
import { createKeyring, createLogger } from '@countersign/runtime';
import { witnessKey } from '@countersign/server';
import { createTestDatabase, freePort } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from './testing/scratch-folder.ts';

// A log on a real database and three witnesses, each in its own process and folder.

const fixture = fileURLToPath(
  new URL('../../components/witness/src/testing/witness-process.fixture.mjs', import.meta.url),
);
const origin = 'log.example/witnessed';
const names = ['alpha', 'beta', 'gamma'];
const folder = scratchFolder();
const logger = createLogger({ level: 'silent', name: 'test' });
const exchange = createConfiguredExchange({ logger });
const processes = new Map<string, ChildProcess>();
const ports = new Map<string, number>();

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let log: RunningAuditLog;
let policy: string;

const folderOf = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  database = await createTestDatabase({ components: [auditLogMigrations] });
  const pool = database.pool('audit-log', { maxConnections: 8 });
  const signer = await createKeyring({
    pool,
    clock: systemClock,
    random: systemRandom,
    logger,
    sealingKey: { bytes: Buffer.alloc(32, 7) },
    purposes: {
      'log-checkpoint': { algorithm: 'EdDSA', publicationLeadSeconds: 0, longestSignedLifeSeconds: 3_600 },
    },
  });
  const lines: string[] = [];
  for (const name of names) {
    ports.set(name, await freePort());
    lines.push(
      `witness ${name} ${witnessKey(folderOf(name), `${name}.example`)} http://127.0.0.1:${ports.get(name)}\n`,
    );
  }
  policy = `${lines.join('')}group two 2 ${names.join(' ')}\nquorum two\n`;
  log = await createAuditLog({
    pool,
    signer,
    origin,
    entrySealKey: sha256('entries of the test'),
    clock: systemClock,
    random: systemRandom,
    logger,
    headGuardFolder: folderOf('guard'),
    publishTo: { folder: folderOf('published'), entries: true, everyMs: 100 },
    witnessing: { policy, exchange: exchange.exchange, everyMs: 50, timeoutMs: 30_000, alarmAfterMs: 0 },
  });
  await Promise.all(names.map(startWitness));
}, 120_000);
afterAll(async () => {
  for (const name of names) await endWitness(name);
  await log.stop();
  await exchange.stop();
  await database.drop();
  folder.remove();
});

async function startWitness(name: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [fixture, folderOf(name), `${name}.example`, String(ports.get(name)), log.verifierKey()],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  processes.set(name, child);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => {
      const said = chunk.toString();
      if (said.includes('"failed"')) reject(new Error(said));
      else resolve();
    });
    child.once('exit', () => reject(new Error(`the witness ${name} ended`)));
  });
}

async function endWitness(name: string): Promise<void> {
  const child = processes.get(name);
  processes.delete(name);
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

function draft(): RecordDraft {
  return {
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type: 'access.refused',
    source: 'test',
    outcome: 'deny',
    reason: 'test',
  };
}

/** Verifies as an outsider with the policy and the key. @returns size and cosigners */
function verified(note: string): { readonly size: bigint; readonly cosigners: readonly string[] } {
  const read = parsePolicy(policy);
  const key = parseVerifierKey(log.verifierKey());
  if (!read.ok || !key.ok) throw new Error('the test has no policy');
  const verdict = verifyByPolicy({ signedNote: note, policy: read.policy, logKeys: [key.key] });
  if (!verdict.ok) expect.fail(verdict.reason);
  return { size: verdict.checkpoint.size, cosigners: verdict.cosignatures.map((one) => one.key.name) };
}

describe('a log with witnesses in separate processes', () => {
  it('publishes with their cosignatures', async () => {
    const { index } = await log.append(draft());
    const { size, cosigners } = verified(await log.checkpoint());
    expect(size).toBeGreaterThan(index);
    expect(cosigners).toEqual(['alpha.example', 'beta.example', 'gamma.example']);
  });

  it('continues while they are killed one after the other, and never publishes a smaller or another tree', {
    timeout: 120_000,
  }, async () => {
    let growing = true;
    const published: bigint[] = [];
    const growth = (async () => {
      while (growing) {
        await log.append(draft());
        const note = await log.published();
        if (note !== undefined) published.push(verified(note).size);
      }
    })();
    for (let round = 0; round < 6; round++) {
      const name = names[round % names.length] ?? '';
      await endWitness(name);
      verified(await log.checkpoint());
      await startWitness(name);
      await log.append(draft());
      verified(await log.checkpoint());
    }
    growing = false;
    await growth;
    expect(published.length).toBeGreaterThan(0);
    expect(published).toEqual(published.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    expect(await log.verify()).toMatchObject({ ok: true });
    expect((await log.search({ types: ['log.witness-alarm'] })).length).toBe(0);
  });

  it('stops without a quorum, and continues by itself with one', async () => {
    await endWitness('alpha');
    await endWitness('beta');
    await log.append(draft());
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'log_quorum_missing' });
    await log.append(draft());
    await startWitness('beta');
    expect(verified(await log.checkpoint()).cosigners).toEqual(['beta.example', 'gamma.example']);
    await startWitness('alpha');
  });

  it('names a witness whose folder was restored from a backup', async () => {
    await endWitness('gamma');
    cpSync(folderOf('gamma'), join(folder.path, 'backup'), { recursive: true });
    await startWitness('gamma');
    for (let round = 0; round < 3; round++) {
      await log.append(draft());
      verified(await log.checkpoint());
    }
    await endWitness('gamma');
    rmSync(folderOf('gamma'), { recursive: true });
    cpSync(join(folder.path, 'backup'), folderOf('gamma'), { recursive: true });
    await startWitness('gamma');
    await log.append(draft());
    expect(verified(await log.checkpoint()).cosigners).not.toContain('gamma.example');
    const alarms = await log.search({ types: ['log.witness-alarm'] });
    expect(alarms.map(({ record }) => record.data)).toMatchObject([
      { witness: 'gamma', kind: 'rolled-back' },
      { witness: 'gamma', kind: 'caught-up' },
    ]);
    await log.append(draft());
    expect(verified(await log.checkpoint()).cosigners).toContain('gamma.example');
  });
});
