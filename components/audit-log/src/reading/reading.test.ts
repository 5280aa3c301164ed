import type { EvidenceRecord } from '@countersign/contracts';
import { type EvidenceBundle, verifyBundle } from '@countersign/evidence';
import { canonicalize, sha256Base64Url } from '@countersign/kernel';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, newMandate, newTransaction, type Rig } from '../testing/rig.ts';
import { serveLog } from '../testing/serve-log.ts';

const operator = '5299000J2N45DDNE4Y28';
const fund = '5493001KJTIIGC8Y1R12';
const broker = '213800WAVVOPS85N2205';
const stranger = 'HWUPKR0MPOU8FGXBT394';
const transaction = newTransaction();
const intent = { type: 'order', price: '101.4375', quantity: '2500000' };
const body = { fill: { price: '101.40', quantity: '2500000' } };

let rig: Rig;
let log: RunningAuditLog;
let app: FastifyInstance;
const opened = draft({
  type: 'transaction.opened',
  outcome: 'done',
  transaction,
  subject: { id: 'person:fay', institution: fund },
  address: '203.0.113.7',
  data: { intent_type: 'order' },
  protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: fund, value: intent }],
});
const filled = draft({
  type: 'transaction.transitioned',
  outcome: 'done',
  transaction,
  subject: { id: 'person:bob', institution: broker },
  address: '198.51.100.9',
  data: { event: 'fill', from: 'working', to: 'filled', version: 3 },
  protectedValues: [{ path: '/data/body', kind: 'strategy', subject: broker, value: body }],
});
const approved = draft({
  type: 'approval.given',
  outcome: 'permit',
  transaction,
  subject: { id: 'person:sue', institution: fund },
  data: { approval_id: 'apr_1' },
});
const mandated = draft({
  type: 'mandate.accepted',
  outcome: 'done',
  subject: { id: 'person:fay', institution: fund },
  data: { mandate: { id: newMandate(), grantor: { lei: fund }, grantee: { lei: broker } } },
});

beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  for (const one of [opened, filled, approved, mandated, draft()]) await log.append(one);
  app = serveLog(rig, log, { operator, partiesOf: async (id) => (id === transaction ? [fund, broker] : []) });
});
afterAll(async () => {
  await app.close();
  await rig.close();
});

interface Answer {
  readonly status?: number;
  readonly code?: string;
  readonly records: readonly {
    readonly index: string;
    readonly record: EvidenceRecord;
    readonly values?: Readonly<Record<string, string>>;
    readonly disclosures?: readonly { readonly path: string; readonly salt: string; readonly text: string }[];
  }[];
  readonly next?: string;
  readonly evidence: string;
}

async function get(url: string, institution: string, ...scopes: readonly string[]) {
  return app.inject({ url, headers: { authorization: ['DPoP', institution, ...scopes].join(' ') } });
}

async function read(query: string, institution: string, ...more: readonly string[]): Promise<Answer> {
  return (await get(`/evidence/records?${query}`, institution, 'audit:read', ...more)).json<Answer>();
}

const purposeful = 'purpose=Complaint%204711';

async function newestReading(): Promise<EvidenceRecord> {
  const readings = await log.search({ type: 'evidence.read' });
  const newest = readings.at(-1);
  if (newest === undefined) throw new Error('no reading was recorded');
  return newest.record;
}

describe('records', () => {
  it('are shown without restricted values, with the commitments instead', async () => {
    const answer = await read(`transaction=${transaction}`, operator);
    const [first] = answer.records;
    expect(first?.values).toEqual({ '/address': 'withheld', '/data/intent': 'withheld' });
    expect(first?.record.data).toEqual({ intent_type: 'order' });
    expect(Object.keys(first?.record.protected ?? {})).toEqual(['/address', '/data/intent']);
    const text = JSON.stringify(answer);
    for (const secret of ['101.4375', '203.0.113.7', '101.40']) expect(text).not.toContain(secret);
  });

  it('are all visible to the operator, and to others if they concern their institution', async () => {
    const seenBy = async (institution: string) => {
      const { records } = await read('', institution);
      return records.map(({ record }) => record.id).filter((id) => ours.has(id));
    };
    const ours = new Set([opened.id, filled.id, approved.id, mandated.id]);
    expect(await seenBy(operator)).toEqual([opened.id, filled.id, approved.id, mandated.id]);
    expect(await seenBy(fund)).toEqual([opened.id, filled.id, approved.id, mandated.id]);
    // The fund's approvals are its own.
    expect(await seenBy(broker)).toEqual([opened.id, filled.id, mandated.id]);
    expect(await seenBy(stranger)).toEqual([]);
    const { records } = await read('type=log.opened', fund);
    expect(records).toEqual([]);
  });

  it('are found by every supported filter', async () => {
    const ids = async (query: string) =>
      (await read(query, operator)).records.map(({ record }) => record.id).filter((id) => id !== undefined);
    expect(await ids('person=person:bob')).toContain(filled.id);
    expect(await ids(`institution=${broker}`)).toContain(filled.id);
    expect(await ids('type=transaction.opened,approval.given')).toEqual([opened.id, approved.id]);
    expect(await ids('from=2026-11-21T09:00:00Z&until=2026-11-21T09:10:00Z')).toEqual([]);
    for (const query of ['from=yesterday', 'until=2026-13-01T00:00:00Z', 'decision=x'])
      expect(await read(query, operator), query).toMatchObject({ status: 400, code: 'query_malformed' });
    for (const query of ['limit=0', 'limit=1001', 'stray=1', 'after=-1'])
      expect((await read(query, operator)).status, query).toBe(400);
  });

  it('are returned page by page, even if most of them are not visible', async () => {
    const pages: string[] = [];
    let after = '';
    for (let page = 0; page < 10; page++) {
      const answer = await read(`transaction=${transaction}&limit=1${after}`, broker);
      pages.push(...answer.records.map(({ record }) => record.id));
      if (answer.next === undefined) break;
      after = `&after=${answer.next}`;
    }
    expect(pages).toEqual([opened.id, filled.id]);
  });
});

describe('protected values', () => {
  it('are shown to a reader with scope and purpose, with the salts that open the commitments', async () => {
    const answer = await read(`transaction=${transaction}&disclose=*&${purposeful}`, operator, 'audit:disclose');
    const [first] = answer.records;
    expect(first?.record).toMatchObject({ address: '203.0.113.7', data: { intent } });
    expect(first?.values).toEqual({ '/address': 'disclosed', '/data/intent': 'disclosed' });
    for (const { path, salt, text } of first?.disclosures ?? [])
      expect(sha256Base64Url(Buffer.concat([Buffer.from(salt, 'base64url'), Buffer.from(text)]))).toBe(
        first?.record.protected?.[path]?.commitment,
      );
    expect(first?.disclosures?.map(({ text }) => text)).toContain(canonicalize(intent));
  });

  it('are shown only at the requested paths', async () => {
    const { records } = await read(
      `transaction=${transaction}&disclose=/data/body&${purposeful}`,
      operator,
      'audit:disclose',
    );
    expect(records.map(({ values }) => values)).toEqual([
      { '/address': 'withheld', '/data/intent': 'withheld' },
      { '/address': 'withheld', '/data/body': 'disclosed' },
      undefined,
    ]);
  });

  it('of an institution are shown to its own people and to the operator, not to the other party', async () => {
    const states = async (institution: string) =>
      (await read(`transaction=${transaction}&disclose=*&${purposeful}`, institution, 'audit:disclose')).records.map(
        ({ values }) => values,
      );
    expect(await states(fund)).toEqual([
      { '/address': 'disclosed', '/data/intent': 'disclosed' },
      { '/address': 'withheld', '/data/body': 'withheld' },
      undefined,
    ]);
    expect(await states(broker)).toEqual([
      { '/address': 'withheld', '/data/intent': 'withheld' },
      { '/address': 'disclosed', '/data/body': 'disclosed' },
    ]);
  });

  it('require the scope and a purpose', async () => {
    const without = await get(`/evidence/records?disclose=*&${purposeful}`, operator, 'audit:read');
    expect(without.json()).toMatchObject({ status: 403, code: 'insufficient_scope' });
    for (const purpose of ['', '&purpose=', '&purpose=%20'])
      expect(await read(`disclose=*${purpose}`, operator, 'audit:disclose')).toMatchObject({
        status: 400,
        code: 'purpose_missing',
      });
    for (const disclose of ['/type', '', 'x', '/data/a~1b', Array.from({ length: 33 }, (_, n) => `/data/x${n}`).join()])
      expect(
        await read(`disclose=${encodeURIComponent(disclose)}&${purposeful}`, operator, 'audit:disclose'),
        disclose,
      ).toMatchObject({ status: 400, code: 'query_malformed' });
  });
});

describe('reading the log', () => {
  it('is recorded with reader, query and address before the answer', async () => {
    const answer = await read(`transaction=${transaction}&limit=2`, fund);
    const reading = await newestReading();
    expect(reading).toMatchObject({
      id: answer.evidence,
      subject: { id: `person:auditor-of-${fund}`, institution: fund },
      actors: [{ id: 'agent:assistant' }],
      client: 'console',
      scope: ['audit:read'],
      data: { query: { transaction, limit: 2 }, records: 2 },
    });
    const [first, second] = answer.records.map(({ index }) => index);
    expect(reading.data).toMatchObject({ places: [[first, second]] });
  });

  it('is recorded with fields and purpose if it shows protected values', async () => {
    await read(`transaction=${transaction}&disclose=/data/intent,/data/limits&${purposeful}`, fund, 'audit:disclose');
    expect((await newestReading()).data).toMatchObject({
      asked: ['/data/intent', '/data/limits'],
      disclosed: ['/data/intent'],
      purpose: 'Complaint 4711',
    });
  });

  it('is recorded also if nothing was found, and is not answered if it cannot be recorded', async () => {
    await read(`transaction=${newTransaction()}`, stranger);
    expect((await newestReading()).data).toMatchObject({ records: 0, places: [] });
    const stopped = await rig.open();
    await stopped.stop();
    const other = serveLog(rig, stopped, { operator });
    const answer = await other.inject({
      url: `/evidence/records?transaction=${transaction}`,
      headers: { authorization: `DPoP ${operator} audit:read` },
    });
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toContain(opened.id);
    await other.close();
  });

  it('stores the reader’s address as a protected value of the reader', async () => {
    await read(`transaction=${transaction}`, fund);
    const [values] = await log.protectedValues([await newestReading()]);
    expect(values).toMatchObject([{ path: '/address', state: 'open', subject: `person:auditor-of-${fund}` }]);
  });
});

describe('the evidence of a transaction', () => {
  const exported = async (institution: string, query = '', ...more: readonly string[]) =>
    get(`/evidence/transactions/${transaction}${query}`, institution, 'audit:export', ...more);
  const paths = (bundle: EvidenceBundle) => (bundle.disclosures ?? []).map(({ record, path }) => [record, path]);

  it('discloses of the order what its reader may see, and verifies with it', async () => {
    const bundle = (await exported(operator)).json<EvidenceBundle>();
    expect(paths(bundle)).toEqual([
      [opened.id, '/data/intent'],
      [filled.id, '/data/body'],
    ]);
    const verdict = verifyBundle(bundle, { trust: { logVerifierKey: log.verifierKey() } });
    const codes = JSON.stringify(verdict);
    expect(codes).not.toContain('disclosure_mismatch');
    expect(codes).not.toContain('disclosure_unlisted');
    expect(paths((await exported(broker)).json())).toEqual([[filled.id, '/data/body']]);
    expect(paths((await exported(operator, '?disclose=nothing')).json())).toEqual([]);
  });

  it('discloses personal data with the scope and a purpose, which its record states', async () => {
    const bundle = (
      await exported(fund, '?disclose=everything&purpose=Court%20order', 'audit:disclose')
    ).json<EvidenceBundle>();
    expect(paths(bundle)).toEqual([
      [opened.id, '/address'],
      [opened.id, '/data/intent'],
    ]);
    const manifest = (await log.search({ type: 'evidence.exported' })).at(-1)?.record.data;
    expect(manifest).toMatchObject({ disclosed: ['personal', 'strategy'], purpose: 'Court order' });
    expect((await exported(fund, '?disclose=everything&purpose=x')).json()).toMatchObject({
      code: 'insufficient_scope',
    });
    expect((await exported(fund, '?disclose=everything', 'audit:disclose')).json()).toMatchObject({
      code: 'purpose_missing',
    });
    expect((await exported(fund, '?disclose=all')).statusCode).toBe(400);
  });

  it('is available to its parties and the operator: for others it does not exist', async () => {
    expect((await exported(stranger)).json()).toMatchObject({ status: 404, code: 'transaction_without_records' });
    const entries = await get('/log/tile/entries/000.p/5', stranger, 'audit:read');
    expect(entries.json()).toMatchObject({ status: 403, code: 'insufficient_scope' });
  });
});

describe('an erased value', () => {
  it('is reported as erased to every reader', async () => {
    const gone = draft({ subject: { id: 'person:gone', institution: fund }, address: '192.0.2.44' });
    await log.append(gone);
    await rig.tamper(
      `delete from protected_values where key in (select id from subject_keys where subject = 'person:gone')`,
    );
    await rig.tamper(`update subject_keys set sealed_key = null, erased_at = now() where subject = 'person:gone'`);
    const answer = await read(`person=person:gone&disclose=*&${purposeful}`, operator, 'audit:disclose');
    expect(answer.records.map(({ values }) => values)).toEqual([{ '/address': 'erased' }]);
    expect(answer.records[0]?.record.address).toBeUndefined();
  });
});

describe('simultaneous reads', () => {
  it('are limited per institution across all endpoints, without blocking others', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const busy = serveLog(rig, log, { operator, partiesOf: () => released.then(() => []) });
    const ask = (url: string, institution: string) =>
      busy.inject({ url, headers: { authorization: `DPoP ${institution} audit:read audit:export` } });
    const doors = [
      `/evidence/records?transaction=${transaction}`,
      `/evidence/export?format=html&transaction=${transaction}`,
      `/evidence/transactions/${transaction}/graph`,
    ];
    const refused: unknown[] = [];
    const asked = Array.from({ length: 42 }, async (_, n) => {
      const answer = await ask(doors[n % doors.length] ?? '', stranger);
      if (answer.statusCode === 503) refused.push(answer.json());
      return answer.statusCode;
    });
    // Two are reading, and the maximum number waits.
    await vi.waitFor(() => expect(refused).toHaveLength(42 - 34), 60_000);
    expect(refused).toEqual(refused.map(() => expect.objectContaining({ code: 'overloaded' })));
    expect((await ask('/evidence/records?type=approval.given', fund)).statusCode).toBe(200);
    release();
    const statuses = await Promise.all(asked);
    expect(statuses.filter((status) => status !== 503).every((status) => status === 200 || status === 404)).toBe(true);
    await busy.close();
  });
});
