import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLogRoutes, type RunningAuditLog } from '@countersign/audit-log';
import { accessErrors, type RecordDraft, type ResourceGuard } from '@countersign/contracts';
import { type CodedError, systemRandom } from '@countersign/kernel';
import { createHttpServer, createMetrics } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { evidenceCommands } from '../../apps/cli/src/commands/evidence.ts';
import {
  createRig,
  draft,
  drafts,
  logger,
  newTransaction,
  type Rig,
} from '../../components/audit-log/src/testing/rig.ts';

const operator = '529900T8BM49AURSDO55';
const transaction = newTransaction();

/** A test token names its scopes. */
const guard: ResourceGuard = {
  async check({ authorization }, { scope }) {
    const scopes = (authorization[0] ?? '').replace(/^DPoP /, '').split('~');
    if (!scopes.includes(scope)) throw accessErrors.error('insufficient_scope', `the token holds ${scopes.join(' ')}`);
    return {
      subject: 'person:auditor',
      client: 'cli',
      institution: operator,
      actors: [],
      scope: scopes,
      tokenId: 'tok_x',
      authorizationDetails: [],
    };
  },
};

let rig: Rig;
let log: RunningAuditLog;
let app: ReturnType<typeof createHttpServer>;
let issuer: string;
let folder: string;
let printed: string;

beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  app = createHttpServer({ logger, metrics: createMetrics() });
  app.post('/token', async ({ body }) => {
    const scope = new URLSearchParams(String(body)).get('scope') ?? '';
    return { access_token: scope.replaceAll(' ', '~'), token_type: 'DPoP', expires_in: 300, scope };
  });
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
  const append = (members: Partial<RecordDraft>) => log.append(draft({ outcome: 'done', ...members }));
  const opened = await append({
    type: 'transaction.opened',
    transaction,
    subject: { id: 'person:anna', institution: operator },
    client: 'oms',
    data: { intent_type: 'order' },
    protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: operator, value: { isin: 'DE0001102580' } }],
  });
  await append({
    type: 'transaction.transitioned',
    transaction,
    subject: { id: 'service:oms', institution: operator },
    references: [opened.id],
    data: { event: 'cancel', from: 'intended', to: 'cancelled', version: 1 },
  });
  await Promise.all(drafts(230, { client: 'many' }).map((record) => log.append(record)));
});
afterAll(async () => {
  await app.close();
  await rig.close();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evidence-commands-'));
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** @returns what it printed */
async function run(...words: readonly string[]): Promise<string> {
  const key = join(folder, 'key.jwk');
  writeFileSync(key, JSON.stringify(generateSigningKey().privateJwk));
  const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
  evidenceCommands(program, () => ({ data: folder, url: issuer, key, client: 'cli' }));
  printed = '';
  await program.parseAsync(['evidence', ...words], { from: 'user' });
  return printed;
}

const codeOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'accepted',
    (error: CodedError) => error.code,
  );
const written = (name: string) => readFileSync(join(folder, name), 'utf8');

describe('countersign evidence search', () => {
  it('prints the matching records, one a line, and how to continue', async () => {
    const found = await run('search', '--person', 'person:anna');
    expect(found).toMatch(
      /^#\d+ {2}2026-11-21T\S+ {2}transaction\.opened {2}person:anna client oms {2}txn_\S+ {2}rec_\S+\n$/,
    );
    const page = (await run('search', '--client', 'many', '--limit', '2')).trimEnd().split('\n');
    expect(page).toHaveLength(3);
    const [, more = ''] = /^more: --after (\d+)$/.exec(page[2] ?? '') ?? [];
    expect(await run('search', '--client', 'many', '--limit', '2', '--after', more)).not.toContain(page[0]);
    expect(await run('search', '--client', 'nobody')).toBe('');
  });

  it('prints JSON with the disclosed values, for a purpose', async () => {
    const question = ['search', '--json', '--transaction', transaction, '--type', 'transaction.opened'];
    expect(await run(...question)).not.toContain('DE0001102580');
    const shown = JSON.parse(await run(...question, '--disclose', '*', '--purpose', 'case 17')) as { record: unknown };
    expect(shown.record).toMatchObject({ data: { intent: { isin: 'DE0001102580' } } });
    expect(await codeOf(run(...question, '--disclose', '*'))).toBe('purpose_missing');
    expect(await codeOf(run('search', '--from', 'yesterday'))).toBe('query_malformed');
  });
});

describe('countersign evidence export', () => {
  it('writes every matching record, over as many pages as needed', async () => {
    const out = join(folder, 'many.jsonl');
    await run('export', '--client', 'many', '--format', 'jsonl', '--out', out);
    const places = written('many.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { index: string }).index);
    expect(places).toEqual((await log.query({ client: 'many' })).map(({ index }) => index.toString()));
    await run('export', '--client', 'many', '--format', 'csv', '--out', join(folder, 'some.csv'), '--limit', '120');
    expect(written('some.csv').trimEnd().split('\r\n')).toHaveLength(121);
    await run('export', '--transaction', transaction, '--format', 'html', '--out', join(folder, 'report.html'));
    expect(written('report.html')).toContain('Records without proof');
  });

  it('leaves no partial export when it was refused', async () => {
    const out = join(folder, 'refused.csv');
    expect(await codeOf(run('export', '--from', 'yesterday', '--format', 'csv', '--out', out))).toBe('query_malformed');
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder)).toEqual(['key.jwk']);
    expect(await codeOf(run('export', '--format', 'xlsx'))).toBe('format_unknown');
    expect(await codeOf(run('export', '--format', 'csv', '--limit', 'all'))).toBe('limit_malformed');
    expect(await codeOf(run('export'))).toBe('transaction_missing');
  });

  it('writes a bundle, and from it offline a report and a diagram', async () => {
    const [bundle, trust] = [join(folder, 'bundle.json'), join(folder, 'trust.json')];
    await run('export', '--transaction', transaction, '--out', bundle, '--trust', trust);
    expect(await run('report', bundle, '--trust', trust, '--out', join(folder, 'report.html'))).toContain(
      'report.html',
    );
    expect(written('report.html')).toContain('Chain of authority');
    expect(written('report.html')).toContain('<svg ');
    await run('graph', '--bundle', bundle, '--out', join(folder, 'graph.svg'));
    expect(written('graph.svg')).toContain('cancelled');
    writeFileSync(bundle, '{}');
    expect(await codeOf(run('report', bundle, '--out', join(folder, 'none.html')))).toBe('bundle_malformed');
    expect(await codeOf(run('graph', '--bundle', bundle))).toBe('bundle_malformed');
  });
});

describe('countersign evidence graph', () => {
  it('shows the chain of authority as sentences, as JSON and as a diagram', async () => {
    const lines = (await run('graph', '--transaction', transaction)).trimEnd().split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^ +#\d+ {2}anna person {2}opened {2}intended transaction$/));
    expect(lines).toContainEqual(expect.stringMatching(/intended transaction {2}cancel {2}cancelled transaction$/));
    const graph = JSON.parse(await run('graph', '--transaction', transaction, '--json')) as { nodes: unknown[] };
    expect(graph.nodes.length).toBeGreaterThan(3);
    await run('graph', '--transaction', transaction, '--out', join(folder, 'graph.svg'));
    expect(written('graph.svg')).toMatch(/^<svg /);
    const both = await run('graph', '--transaction', transaction, '--json', '--out', join(folder, 'both.svg'));
    expect([JSON.parse(both), written('both.svg')]).toEqual([graph, written('graph.svg')]);
    expect(await codeOf(run('graph'))).toBe('transaction_missing');
    expect(await codeOf(run('graph', '--transaction', newTransaction()))).toBe('transaction_without_records');
  });
});
