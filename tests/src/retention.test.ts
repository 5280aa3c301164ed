import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  auditLogMigrations,
  createAuditLog,
  createProtection,
  evidenceEraserMigrations,
  type RunningAuditLog,
} from '@countersign/audit-log';
import { accessErrors, type RecordDraft, type ResourceGuard } from '@countersign/contracts';
import type { EvidenceBundle } from '@countersign/evidence';
import { type CodedError, decodeBase64Url, newId, type RecordId, sha256, systemRandom } from '@countersign/kernel';
import { hashLeaf, parseCheckpoint, parseNote, verifyConsistency, verifyInclusion } from '@countersign/merkle-log';
import { createRetention, type RunningRetention, retentionMigrations, retentionRoutes } from '@countersign/retention';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import {
  createMemorySigner,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  type FixedClock,
  fixedClock,
} from '@countersign/testkit';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { erasureCommands } from '../../apps/cli/src/commands/erasure.ts';
import { holdCommands } from '../../apps/cli/src/commands/hold.ts';
import { retentionCommands } from '../../apps/cli/src/commands/retention.ts';

const operator = '5493001KJTIIGC8Y1R12';
const principals: Readonly<Record<string, string>> = { first: 'person:paula.records', second: 'person:colin.counsel' };
const trader = { id: 'person:tessa.trader', institution: operator };
const yearMs = 365.25 * 86_400_000;

/** A test token names who asked and for which scopes. */
const guard: ResourceGuard = {
  async check({ authorization }, { scope }) {
    const [, client = '', granted] = authorization[0]?.replace(/^DPoP /, '').match(/^(\w+)~(.+)$/) ?? [];
    const subject = principals[client];
    if (subject === undefined) throw accessErrors.error('token_missing', 'no token');
    if (granted !== scope) throw accessErrors.error('insufficient_scope', `the token holds ${String(granted)}`);
    return {
      ...{ subject, client, institution: operator, tokenId: 'tok_x' },
      ...{ actors: [], scope: [scope], authorizationDetails: [] },
    };
  },
};

let scratch: ScratchDatabase;
let clock: FixedClock;
let log: RunningAuditLog;
let retention: RunningRetention;
let app: ReturnType<typeof createHttpServer>;
let folder: string;
let issuer: string;
let printed: string;

beforeEach(async () => {
  scratch = await createTestDatabase({
    components: [auditLogMigrations, evidenceEraserMigrations, retentionMigrations],
  });
  clock = fixedClock(Date.parse('2026-11-21T09:30:00Z'));
  const common = { clock, random: systemRandom, logger: createLogger({ level: 'silent', name: 'test' }) };
  const pool = scratch.pool('audit-log');
  log = await createAuditLog({
    ...common,
    pool,
    eraserPool: scratch.pool('evidence-eraser'),
    signer: createMemorySigner(),
    origin: 'log.example/retention',
    entrySealKey: sha256('entries of the test'),
    protection: createProtection({
      ...common,
      pool,
      sealing: (region) => ({ bytes: sha256(region) }),
      regionOf: () => 'eu',
    }),
    beatEveryMs: 0,
    watchEveryMs: 0,
    checkpointEveryMs: 600_000,
  });
  retention = createRetention({
    ...common,
    pool: scratch.pool('retention'),
    audit: log,
    log,
    custody: log.custody,
    proposerStanding: everyProposerActive,
    independence: everybodyIndependent,
    everyMs: 600_000,
  });
  app = createHttpServer({ logger: common.logger, metrics: createMetrics() });
  app.post('/token', async ({ body }) => {
    const form = new URLSearchParams(String(body));
    return {
      access_token: `${String(form.get('client_id'))}~${String(form.get('scope'))}`,
      token_type: 'DPoP',
      expires_in: 300,
      scope: form.get('scope'),
    };
  });
  retentionRoutes(app, { retention, guard, baseUrl: 'https://countersign.example', operator });
  await app.listen({ host: '127.0.0.1', port: 0 });
  issuer = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'retention-'));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await retention.stop();
  await log.stop();
  await scratch.drop();
  rmSync(folder, { recursive: true });
});

/** Runs the command as one of the two people. @returns what it printed */
async function run(client: string, ...words: readonly string[]): Promise<string> {
  const key = join(folder, 'key.jwk');
  writeFileSync(key, JSON.stringify(generateSigningKey().privateJwk), { mode: 0o600 });
  const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
  for (const commands of [retentionCommands, holdCommands, erasureCommands])
    commands(program, () => ({ data: folder, url: issuer, key, client }));
  printed = '';
  await program.parseAsync(words, { from: 'user' });
  return printed;
}
const codeOf = async (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'it was accepted',
    (error: CodedError) => error.code,
  );

async function write(members: Partial<RecordDraft> & Pick<RecordDraft, 'type'>): Promise<RecordId> {
  const id = newId('record', { clock, random: systemRandom });
  await log.append({ id, source: 'test', outcome: 'done', ...members });
  return id;
}
/** The word that follows in the output. */
const after = (word: string, text: string): string => new RegExp(`${word} ([\\w-]+)`).exec(text)?.[1] ?? '';

async function proposeAndApprove(words: readonly string[]): Promise<string> {
  const simulation = after('retention propose', await run('first', 'retention', 'simulate', ...words));
  const proposed = await run('first', 'retention', 'propose', simulation, '--reason', 'its time has passed');
  const [id, digest] = [after('retention approve', proposed), after('--digest', proposed)];
  expect(await codeOf(run('first', 'retention', 'approve', id, '--digest', digest))).toBe('own_proposal');
  return run('second', 'retention', 'approve', id, '--digest', digest);
}

/** Writes an order with everything it depends on, and the address it came from. */
async function writeOrder() {
  const transaction = newId('transaction', { clock, random: systemRandom });
  const session = await write({ type: 'session.started', subject: trader, address: '203.0.113.7' });
  const token = await write({ type: 'token.issued', subject: trader, references: [session] });
  const order = await write({ type: 'transaction.opened', transaction, subject: trader, references: [token] });
  return { transaction, session, token, order };
}

/** Every proof of the bundle against its own checkpoint, and that against the current log. */
async function stillProves(bundle: EvidenceBundle): Promise<boolean> {
  const old = checkpointIn(bundle.checkpoint);
  const now = checkpointIn(await log.checkpoint());
  const included = bundle.records.every(({ index, leaf = '', proof }) => {
    const claim = {
      ...{ index: BigInt(index), size: old.size, root: old.root },
      leafHash: hashLeaf(decodeBase64Url(leaf) ?? Buffer.alloc(0)),
      proof: proof.map((hash) => Buffer.from(hash, 'base64url')),
    };
    return verifyInclusion(claim).ok;
  });
  const proof = await log.proveConsistency(old.size, now.size);
  const grown = verifyConsistency({ from: old.size, to: now.size, fromRoot: old.root, toRoot: now.root, proof });
  return included && grown.ok;
}
function checkpointIn(note: string) {
  const parsed = parseNote(note);
  const checkpoint = parsed.ok ? parseCheckpoint(parsed.note.text) : undefined;
  if (checkpoint?.ok !== true) throw new Error('this is no checkpoint');
  return checkpoint.checkpoint;
}

describe('expired evidence', () => {
  it('is removed by two people, class by class, and everything proved stays proved', async () => {
    const { transaction, session, token, order } = await writeOrder();
    const bundle = await log.exportBundle({ transaction, requester: trader });
    clock.advance(5.5 * yearMs);
    // The order must be kept for six years, and so must the sign-in that it depends on.
    expect(await proposeAndApprove(['pruning', 'access'])).toContain('0 gone, 0 held, 2 needed by what is kept');
    clock.advance(yearMs);
    expect(await proposeAndApprove(['pruning', 'transaction'])).toContain('1 gone');
    expect(await proposeAndApprove(['pruning', 'access'])).toContain('2 gone');
    for (const id of [session, token, order]) expect(await log.find(id)).toBeUndefined();
    expect(await log.verify()).toMatchObject({ ok: true });
    expect(await stillProves(bundle)).toBe(true);
  });

  it('stays under an active hold on every path, and the commands report it', async () => {
    const { transaction, order } = await writeOrder();
    clock.advance(10 * yearMs);
    const placed = await run('first', 'hold', 'place', '--transaction', transaction, '--matter', 'SEC HO-14021');
    expect(placed).toMatch(/^rec_\w{26} {2}active {3}transaction txn_/);
    expect(await proposeAndApprove(['pruning', 'transaction'])).toContain('0 gone, 1 held');
    const hold = placed.slice(0, 30);
    expect(await codeOf(run('first', 'hold', 'release', hold, '--reason', 'over'))).toBe('hold_same_person');
    expect(await run('second', 'hold', 'release', hold, '--reason', 'over')).toContain('released');
    expect(await run('first', 'hold', 'list')).toBe('none\n');
    expect(await run('first', 'hold', 'list', '--all')).toContain('SEC HO-14021');
    expect(await log.find(order)).toBeDefined();
    expect(await proposeAndApprove(['pruning', 'transaction'])).toContain('1 gone');
    expect(await log.find(order)).toBeUndefined();
  });

  it('is determined by a schedule that two people have approved', async () => {
    expect(await run('first', 'retention', 'schedule')).toContain('version 0  transaction 6, authority 6, access 5');
    const words = ['schedule', '--presets', 'mifir-25', '--years', 'transaction=7,authority=7'];
    expect(await proposeAndApprove(words)).toContain('completed');
    expect(await run('first', 'retention', 'schedule')).toContain('version 1  transaction 7, authority 7, access 5');
    expect(await run('first', 'retention', 'list')).toContain('schedule: years transaction 7');
    const short = run(
      'first',
      'retention',
      'simulate',
      'schedule',
      '--presets',
      'sec-17a-4',
      '--years',
      'transaction=2',
    );
    expect(await codeOf(short)).toBe('retention_too_short');
    expect(await codeOf(run('first', 'retention', 'simulate', 'schedule', '--presets', 'own', '--years', 'x'))).toBe(
      'years_invalid',
    );
  });

  it('loses restricted values once two people have approved, and not under an active hold', async () => {
    const { transaction, session } = await writeOrder();
    const bundle = await log.exportBundle({ transaction, requester: trader });
    expect(await run('first', 'erasure', 'keys', trader.id)).toContain('kept until 2031-11-21');
    expect(await codeOf(run('first', 'erasure', 'propose', trader.id, '--reason', 'asked'))).toBe('erasure_too_early');
    clock.advance(6 * yearMs);
    expect(await run('first', 'erasure', 'keys', trader.id)).toContain('may be erased');
    const placed = await run('first', 'hold', 'place', '--person', trader.id, '--matter', 'case 3');
    expect(await codeOf(run('first', 'erasure', 'propose', trader.id, '--reason', 'asked'))).toBe('erasure_held');
    await run('second', 'hold', 'release', placed.slice(0, 30), '--reason', 'over');
    const proposed = await run('first', 'erasure', 'propose', trader.id, '--reason', 'asked');
    const words = [after('erasure approve', proposed), '--digest', after('--digest', proposed)];
    expect(await codeOf(run('first', 'erasure', 'approve', ...words))).toBe('own_proposal');
    await run('second', 'erasure', 'approve', ...words);
    await retention.carryOut();
    expect(await run('first', 'erasure', 'list')).toContain('1 values destroyed');
    expect(await run('first', 'erasure', 'keys', trader.id)).toContain('erased 20');
    expect((await log.find(session))?.record).not.toHaveProperty('address');
    expect(await log.verify()).toMatchObject({ ok: true });
    expect(await stillProves(bundle)).toBe(true);
  });

  it('records the request, the approval and the outcome in the log', async () => {
    await writeOrder();
    clock.advance(10 * yearMs);
    await proposeAndApprove(['pruning', 'transaction']);
    const types = ['retention.proposed', 'access.refused', 'retention.pruning-approved', 'log.pruned'] as const;
    const told = (await log.search({ types })).map(({ record }) => [record.type, record.subject?.id]);
    expect(told).toEqual([
      ['retention.proposed', principals['first']],
      ['access.refused', principals['first']],
      ['retention.pruning-approved', principals['second']],
      ['log.pruned', principals['second']],
    ]);
  });
});

describe('a thief with the database role of retention', () => {
  it('reaches neither the log nor the eraser', async () => {
    const thief = scratch.pool('retention');
    for (const statement of [
      'select 1 from audit_log.entries',
      "insert into audit_log.checkpoints values (1, 'key', 'note')",
      'select evidence_eraser.erase_keys(1)',
      'select evidence_eraser.pending()',
    ])
      await expect(thief.query(statement), statement).rejects.toThrow(/permission denied/);
  });
});
