import type { RecordDraft } from '@countersign/contracts';
import type { OcsfEvent } from '@countersign/evidence';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, newMandate, newTransaction, type Rig } from '../testing/rig.ts';
import { serveLog } from '../testing/serve-log.ts';

const operator = '529900T8BM49AURSDO55';
const fund = '529900ASSETMNGRDEM02';
const stranger = '635400CUSTODIANEXA09';

let rig: Rig;
let log: RunningAuditLog;
let app: FastifyInstance;
const transaction = newTransaction();
const mandate = newMandate();

async function append(members: Partial<RecordDraft>) {
  return log.append(draft({ outcome: 'done', ...members }));
}

beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  app = serveLog(rig, log, { operator, partiesOf: async () => [fund] });
  const accepted = await append({
    type: 'mandate.accepted',
    subject: { id: 'service:am', institution: fund },
    data: {
      mandate: { id: mandate, version: 2, status: 'active', grantor: { lei: fund }, grantee: { lei: operator } },
    },
  });
  const opened = await append({
    type: 'transaction.opened',
    transaction,
    subject: { id: 'person:anna', institution: fund },
    client: 'oms',
    mandate: { id: mandate, version: 2 },
    references: [accepted.id],
    data: { intent_type: 'order' },
    protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: fund, value: { isin: 'DE0001102580' } }],
  });
  const decided = await append({
    type: 'decision.made',
    outcome: 'permit',
    transaction,
    subject: { id: 'person:anna' },
    references: [opened.id],
    data: { decision: { decision: true, determining: ['=cmd|calc'] } },
  });
  await append({
    type: 'transaction.transitioned',
    transaction,
    subject: { id: 'service:oms', institution: fund },
    references: [decided.id],
    data: { event: 'submit', from: 'intended', to: 'submitted', version: 1 },
  });
});
afterAll(async () => {
  await app.close();
  await rig.close();
});

const get = (url: string, institution = operator, ...scopes: readonly string[]) =>
  app.inject({ url, headers: { authorization: ['DPoP', institution, ...scopes].join(' ') } });
const readings = async () => (await log.search({ type: 'evidence.read' })).map(({ record }) => record);

describe('the graph of a transaction over HTTP', () => {
  const url = `/evidence/transactions/${transaction}/graph`;

  it('returns in one call who did what under which mandate, with the record that proves each', async () => {
    const answer = (await get(url, operator, 'audit:read')).json<{
      evidence: string;
      graph: {
        nodes: { id: string }[];
        edges: { says: string; from: string; to: string; record: string; index: string }[];
      };
    }>();
    const opened = answer.graph.edges.find(({ says }) => says === 'opened');
    expect(opened).toMatchObject({ from: 'person:anna' });
    const record = await log.find((opened?.record ?? '') as RecordDraft['id']);
    expect(record?.record.type).toBe('transaction.opened');
    expect(record?.index.toString()).toBe(opened?.index);
    expect(answer.graph.edges).toContainEqual(
      expect.objectContaining({ from: `mandate:${mandate}`, says: 'authorises', to: opened?.to }),
    );
    expect(JSON.stringify(answer)).not.toContain('DE0001102580');
  });

  it('is recorded before it is shown, with reader and content', async () => {
    const before = (await readings()).length;
    const { evidence } = (await get(url, operator, 'audit:read')).json<{ evidence: string }>();
    const made = (await readings()).slice(before);
    expect(made).toHaveLength(1);
    expect(made[0]).toMatchObject({
      id: evidence,
      subject: { id: `person:auditor-of-${operator}`, institution: operator },
      data: { query: { transaction }, records: expect.any(Number) },
    });
  });

  it('is drawn as a picture without scripts', async () => {
    const answer = await get(`${url}.svg`, operator, 'audit:read');
    expect(answer.headers['content-type']).toMatch(/^image\/svg\+xml/);
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.body).toContain('submitted');
    expect(answer.body).not.toContain('<script');
  });

  it('is available to the parties concerned, with the right scope', async () => {
    expect((await get(url, operator, 'audit:export')).statusCode).toBe(403);
    expect((await get(url, stranger, 'audit:read')).json()).toMatchObject({ code: 'transaction_without_records' });
    const own = (await get(url, fund, 'audit:read')).json<{ graph: { nodes: { kind: string }[] } }>();
    expect(own.graph.nodes.map(({ kind }) => kind)).toContain('mandate');
    // A party does not see how a decision was made.
    expect(own.graph.nodes.map(({ kind }) => kind)).not.toContain('decision');
    expect((await get(`/evidence/transactions/${newTransaction()}/graph`, operator, 'audit:read')).statusCode).toBe(
      404,
    );
  });
});

describe('exporting records', () => {
  const url = (format: string, rest = '') => `/evidence/export?format=${format}&transaction=${transaction}${rest}`;

  it('returns lines, a table and a report for the query', async () => {
    const lines = (await get(url('jsonl'), operator, 'audit:export')).body.trimEnd().split('\n');
    const found = await log.query({ transaction });
    expect(lines.map((line) => (JSON.parse(line) as { index: string }).index)).toEqual(
      found.map(({ index }) => index.toString()),
    );
    const table = await get(url('csv'), operator, 'audit:export');
    expect(table.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(table.headers['content-disposition']).toBe('attachment; filename="evidence.csv"');
    expect(table.body.split('\r\n')).toHaveLength(found.length + 2);
    const report = await get(url('html'), operator, 'audit:export');
    expect(report.headers['content-security-policy']).toContain('sandbox');
    expect(report.body).toContain('Records without proof');
    for (const { record } of found) expect(report.body).toContain(record.id);
  });

  it('returns events of the Open Cybersecurity Schema Framework to a collector', async () => {
    const answer = await get(url('ocsf'), operator, 'audit:export');
    expect(answer.headers['content-type']).toBe('application/jsonl');
    expect(answer.headers['content-disposition']).toBe('attachment; filename="evidence.ocsf.jsonl"');
    const events = answer.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as OcsfEvent);
    const found = await log.query({ transaction });
    expect(events.map(({ metadata }) => metadata)).toMatchObject(
      found.map(({ record }) => ({ uid: record.id, event_code: record.type, correlation_uid: transaction })),
    );
    for (const { type_uid: type, class_uid: of, activity_id: activity } of events)
      expect(type).toBe(of * 100 + activity);
  });

  it('combines pages, each recorded before it is released', async () => {
    await Promise.all(drafts(1_200, { client: 'many' }).map((record) => log.append(record)));
    const before = (await readings()).length;
    const { body } = await get('/evidence/export?format=jsonl&client=many', operator, 'audit:export');
    expect(body.trimEnd().split('\n')).toHaveLength(1_200);
    const made = (await readings()).slice(before).map(({ data }) => data as { records: number; query: object });
    expect(made.reduce((sum, { records }) => sum + records, 0)).toBe(1_200);
    expect(made.length).toBeGreaterThan(1);
    expect(made[0]?.query).toMatchObject({ client: 'many' });
  });

  it('stops at its limit and says where to continue', async () => {
    const [first, second, more] = (await get(url('jsonl', '&limit=2'), operator, 'audit:export')).body
      .trimEnd()
      .split('\n');
    const { index } = JSON.parse(second ?? '') as { index: string };
    expect(JSON.parse(more ?? '')).toEqual({ next: index });
    const rest = (await get(url('jsonl', `&after=${index}`), operator, 'audit:export')).body.trimEnd().split('\n');
    expect([first, second, ...rest]).toEqual(
      (await get(url('jsonl'), operator, 'audit:export')).body.trimEnd().split('\n'),
    );
    expect((await get(url('csv', '&limit=1'), operator, 'audit:export')).body).toMatch(/\r\nmore,after \d+\r\n$/);
  });

  it('includes protected values only for authorised readers who request them with a purpose', async () => {
    for (const format of ['jsonl', 'csv', 'html', 'ocsf']) {
      const open = await get(url(format), operator, 'audit:export', 'audit:disclose');
      expect(open.body).not.toContain('DE0001102580');
      expect(open.body).toContain('/data/intent');
      const asked = url(format, '&disclose=*&purpose=case%2017');
      expect((await get(asked, operator, 'audit:export')).json()).toMatchObject({ code: 'insufficient_scope' });
      expect((await get(url(format, '&disclose=*'), operator, 'audit:export', 'audit:disclose')).json()).toMatchObject({
        code: 'purpose_missing',
      });
      expect((await get(asked, operator, 'audit:export', 'audit:disclose')).body).toContain('DE0001102580');
    }
  });

  it('refuses an unanswerable query with a code before a file starts', async () => {
    for (const [rest, status] of [
      ['&from=yesterday', 400],
      ['&decision=x', 400],
      ['&type=unknown', 404],
      ['&stray=1', 400],
      ['&disclose=x&purpose=y', 400],
    ] as const)
      expect((await get(url('csv', rest), operator, 'audit:export', 'audit:disclose')).statusCode, rest).toBe(status);
    expect((await get('/evidence/export?format=xlsx', operator, 'audit:export')).statusCode).toBe(400);
    expect((await get(url('csv'), operator, 'audit:read')).statusCode).toBe(403);
  });

  it('shows nothing to an unrelated institution', async () => {
    expect((await get(url('jsonl'), stranger, 'audit:export')).body).toBe('');
  });
});
