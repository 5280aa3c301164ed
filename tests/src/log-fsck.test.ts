import { generateKeyPairSync, sign } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { auditLogRoutes, type RunningAuditLog } from '@countersign/audit-log';
import type { ResourceGuard } from '@countersign/contracts';
import { type CodedError, systemRandom } from '@countersign/kernel';
import {
  createVerifierKey,
  encodeEntryBundle,
  entryBundlePath,
  Frontier,
  formatVerifierKey,
  hashLeaf,
  signCheckpoint,
  tilePath,
} from '@countersign/merkle-log';
import { createHttpServer, createMetrics } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { logCommands } from '../../apps/cli/src/commands/log.ts';
import { exitCodes } from '../../apps/cli/src/output.ts';
import { createRig, draft, drafts, logger, type Rig } from '../../components/audit-log/src/testing/rig.ts';
import {
  fetchExchange,
  startTestWitness,
  type TestWitness,
} from '../../components/audit-log/src/testing/test-witness.ts';
import { hasVectors, unpackVectors } from '../../protocols/merkle-log/src/testing/vectors.ts';

const archive = 'tlog-tiles/log-0-15.tar.gz';
const operator = '529900T8BM49AURSDO55';
const guard: ResourceGuard = {
  check: async (_request, { scope }) => ({
    subject: 'person:auditor',
    client: 'cli',
    institution: operator,
    actors: [],
    scope: [scope],
    tokenId: 'tok_x',
    authorizationDetails: [],
  }),
};

let rig: Rig;
let witness: TestWitness;
let log: RunningAuditLog;
let app: ReturnType<typeof createHttpServer>;
let issuer: string;
let folder: string;
let published: string;
let printed: string;
/** The first published checkpoint, and the newest. */
let earlier: string;
let newest: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'log-fsck-'));
  published = join(folder, 'published');
  rig = await createRig();
  witness = await startTestWitness('alpha');
  const policy = `${witness.line}quorum alpha\n`;
  log = await rig.open({
    witnessing: { policy, exchange: fetchExchange, everyMs: 3_600_000, timeoutMs: 30_000, alarmAfterMs: 0 },
    publishTo: { folder: published, entries: true, everyMs: 3_600_000 },
  });
  await Promise.all(drafts(300).map((record) => log.append(record)));
  earlier = await log.checkpoint();
  await Promise.all(drafts(100).map((record) => log.append(record)));
  newest = await log.checkpoint();
  await log.publishToFolder();
  app = createHttpServer({ logger, metrics: createMetrics() });
  app.post('/token', async ({ body }) => {
    const scope = new URLSearchParams(String(body)).get('scope') ?? '';
    return { access_token: 'token', token_type: 'DPoP', expires_in: 300, scope };
  });
  app.get('/.well-known/countersign', async () => ({ log: { verifier_key: log.verifierKey() } }));
  auditLogRoutes(app, {
    auditLog: log,
    guard,
    baseUrl: 'https://countersign.example',
    operator,
    partiesOf: async () => [operator],
    clock: rig.clock,
    random: systemRandom,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  issuer = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  write('key.jwk', JSON.stringify(generateSigningKey().privateJwk));
  write('earlier', earlier);
  write('newest', newest);
  write('policy', `log ${log.verifierKey()}\n${policy}`);
});
afterAll(async () => {
  await app.close();
  await rig.close();
  await witness.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

const path = (name: string): string => join(folder, name);
function write(name: string, text: string): void {
  writeFileSync(path(name), text);
}

/** @returns its exit code, and what it printed */
async function fsck(...words: readonly string[]): Promise<{ readonly code: unknown; readonly said: string }> {
  const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
  logCommands(program, () => ({ data: folder, url: issuer, key: path('key.jwk'), client: 'cli' }));
  printed = '';
  await program.parseAsync(['log', 'fsck', ...words], { from: 'user' });
  return { code: process.exitCode, said: printed };
}
const byKey = (): readonly string[] => ['--log-key', log.verifierKey()];
const inFolder = (): readonly string[] => ['--folder', published, '--policy', path('policy')];

describe('countersign log fsck', () => {
  it('recomputes the log of a control plane, with a key from elsewhere and an earlier checkpoint', async () => {
    const { code, said } = await fsck(...byKey(), '--earlier', path('earlier'));
    expect(said).toMatch(/^ok {2}40\d entries hash to the signed root \S+\nok {2}they extend the 30\d entries/);
    expect(code).toBe(exitCodes.ok);
  });

  it('says when a log was verified only with its own key', async () => {
    const { code, said } = await fsck();
    expect(said).toContain('unanchored');
    expect(code).toBe(exitCodes.unanchored);
  });

  it('recomputes a published log from its files alone, with output for people and for machines', async () => {
    expect(await fsck(...inFolder(), '--earlier', path('earlier'))).toMatchObject({ code: exitCodes.ok });
    const { code, said } = await fsck(...inFolder(), '--json');
    expect(code).toBe(exitCodes.ok);
    expect(JSON.parse(said)).toEqual({
      ok: true,
      size: newest.split('\n')[1],
      root: newest.split('\n')[2],
      pruned: 0,
      unread: 0,
      foreign: 0,
      openStreams: 1,
      anchored: true,
    });
  });

  it('finds any changed byte in any published file, and names the fault', async () => {
    const files = readdirSync(published, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('.countersign'))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      const whole = readFileSync(file);
      for (const portion of [0, 0.31, 0.62, 0.999]) {
        const changed = Buffer.from(whole);
        const place = Math.floor(portion * changed.length);
        changed[place] = (changed[place] ?? 0) ^ 1;
        writeFileSync(file, changed);
        const { code, said } = await fsck(...inFolder(), '--json');
        expect(code, `${file} at ${place}`).toBe(exitCodes.unverified);
        expect(JSON.parse(said), `${file} at ${place}`).toMatchObject({
          ok: false,
          reason: expect.stringMatching(
            /^(?:checkpoint_unverified|tile_altered|entry_altered|entry_missing|root_differs)$/,
          ),
        });
      }
      rmSync(file);
      const { code } = await fsck(...inFolder());
      expect(code, file).toBe(file.includes('entries') ? exitCodes.incomplete : exitCodes.unverified);
      writeFileSync(file, whole);
    }
    expect(await fsck(...inFolder())).toMatchObject({ code: exitCodes.ok });
  });

  it('names a checkpoint that is older than the reader’s', async () => {
    const file = join(published, 'checkpoint');
    const whole = readFileSync(file);
    writeFileSync(file, earlier);
    const { code, said } = await fsck(...inFolder(), '--earlier', path('newest'));
    writeFileSync(file, whole);
    expect(said).toMatch(/^checkpoint_stale/);
    expect(code).toBe(exitCodes.unverified);
  });

  it('names a forged cosignature, and a missing one', async () => {
    const file = join(published, 'checkpoint');
    const whole = readFileSync(file, 'utf8');
    const mine = whole.split('\n').find((line) => line.includes('alpha.example')) ?? '';
    const forged = whole.replace(mine, `${mine.slice(0, -8)}AAAAAAA=`);
    for (const [note, reason] of [
      [forged, 'checkpoint_unverified'],
      [whole.replace(`${mine}\n`, ''), 'quorum_not_met'],
    ] as const) {
      expect(note).not.toBe(whole);
      writeFileSync(file, note);
      const { code, said } = await fsck(...inFolder());
      expect(said).toContain(reason);
      expect(code).toBe(exitCodes.unverified);
    }
    writeFileSync(file, whole);
  });

  it('reports pruned records one by one, and finds records removed without pruning', async () => {
    const { rows } = await rig.tamper('select leaf_hash from entries where index between 20 and 29 order by index');
    const root = Frontier.empty.append(rows.map((row: { leaf_hash: Buffer }) => row.leaf_hash)).root();
    await log.append(
      draft({
        type: 'log.pruned',
        source: 'audit-log',
        data: { ranges: [[20, 29]], count: 10, root: root.toString('base64url') },
      }),
    );
    await rig.tamper('delete from bodies where index between 20 and 29');
    await log.checkpoint();
    const { code, said } = await fsck(...byKey());
    expect(said).toContain('10 entries are gone, as the log says');
    expect(code).toBe(exitCodes.ok);
    await rig.tamper('delete from bodies where index = 31');
    expect(await fsck(...byKey())).toMatchObject({
      code: exitCodes.unverified,
      said: expect.stringMatching(/^body_missing {2}The body of entry 31 /),
    });
  });

  describe.skipIf(!hasVectors(archive))(
    'on the log of another implementation (skipped without the vectors folder)',
    () => {
      const root = hasVectors(archive) ? join(unpackVectors(archive), 'log') : '';
      const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

      it.each([0, 8, 15])('passes with %i entries, and says what was not checked', async (size) => {
        copyFileSync(join(root, `checkpoint.${size}`), join(root, 'checkpoint'));
        const { code, said } = await fsck('--folder', root, '--log-key', vkey);
        expect(said).toMatch(new RegExp(`^ok  ${size} entries hash to the signed root `));
        if (size > 0) expect(said).toContain(`not checked  ${size} entries are no records of Countersign.`);
        expect(code).toBe(exitCodes.ok);
      });

      it('finds a changed byte in an entry', async () => {
        copyFileSync(join(root, 'checkpoint.8'), join(root, 'checkpoint'));
        const file = join(root, 'tile/entries/000.p/8');
        const whole = readFileSync(file);
        writeFileSync(file, whole.with(whole.length - 1, (whole.at(-1) ?? 0) ^ 1));
        const { code, said } = await fsck('--folder', root, '--log-key', vkey);
        writeFileSync(file, whole);
        expect(said).toMatch(/^entry_altered/);
        expect(code).toBe(exitCodes.unverified);
      });
    },
  );

  describe('on entries that somebody else has signed', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jwk = publicKey.export({ format: 'jwk' });
    const key = createVerifierKey({
      ...{ name: 'log.example/theirs', type: 'ed25519' as const },
      publicKey: Buffer.from(jwk.x ?? '', 'base64url'),
    });

    async function publish(entries: readonly Buffer[]): Promise<readonly string[]> {
      const target = mkdtempSync(join(folder, 'theirs-'));
      const leaves = entries.map(hashLeaf);
      const tile = { level: 0, index: 0n, width: entries.length };
      for (const [name, bytes] of [
        [tilePath(tile), Buffer.concat(leaves)],
        [entryBundlePath(tile), encodeEntryBundle(entries)],
        [
          'checkpoint',
          await signCheckpoint({
            checkpoint: {
              ...{ origin: key.name, size: BigInt(entries.length) },
              root: Frontier.empty.append(leaves).root(),
            },
            key,
            sign: async (data) => sign(null, data, privateKey),
          }),
        ],
      ] as const) {
        mkdirSync(dirname(join(target, name)), { recursive: true });
        writeFileSync(join(target, name), bytes);
      }
      return ['--folder', target, '--log-key', formatVerifierKey(key)];
    }
    const record = Buffer.from('{"v":1,"time":"2026-01-05T10:00:00.000Z","id":"rec_1","type":"access.refused"}');

    it('passes whatever they are, and counts them for machines', async () => {
      const { code, said } = await fsck(
        ...(await publish([Buffer.alloc(0), Buffer.from([0xff, 0x00]), Buffer.from('{"a":1,"a":2}')])),
        '--json',
      );
      expect(code).toBe(exitCodes.ok);
      expect(JSON.parse(said)).toMatchObject({ ok: true, size: '3', foreign: 3 });
    });

    it('does not report a log as complete when only some of its records are ours', async () => {
      const { code, said } = await fsck(...(await publish([record, Buffer.from('something else')])));
      expect(said).toContain('1 entries are no records of Countersign');
      expect(said).toContain('Find out who wrote these.');
      expect(code).toBe(exitCodes.incomplete);
    });

    it('requires that what starts like our record is one', async () => {
      const older = Buffer.from(record.toString().replace('10:00', '09:00'));
      expect(await fsck(...(await publish([record, older])))).toMatchObject({
        code: exitCodes.unverified,
        said: expect.stringMatching(/^time_reversed/),
      });
      expect(await fsck(...(await publish([record.subarray(0, -1)])))).toMatchObject({
        code: exitCodes.unverified,
        said: expect.stringMatching(/^entry_altered/),
      });
    });
  });

  it.each([
    [['--folder', 'x', '--from', 'http://127.0.0.1'], 'fsck_settings'],
    [['--folder', '/nowhere', '--log-key', 'x+12345678+AAAA'], 'log_trust'],
    [['--folder', '/nowhere'], 'log_trust'],
  ])('refuses %j', async (words, code) => {
    const failure = await fsck(...words).catch((error: CodedError) => error);
    expect(failure).toMatchObject({ code });
  });
});
