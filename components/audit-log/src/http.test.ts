import { accessErrors, type Caller, type ResourceGuard, recordSchema, recordTypes } from '@countersign/contracts';
import { verifyBundle } from '@countersign/evidence';
import {
  decodeEntryBundle,
  Frontier,
  hashLeaf,
  parseVerifierKey,
  verifyCheckpoint,
  verifyConsistency,
  verifyTlogProof,
} from '@countersign/merkle-log';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, drafts, firstPlace, newTransaction, type Rig } from './testing/rig.ts';
import { serveLog } from './testing/serve-log.ts';

let rig: Rig;
let log: RunningAuditLog;
let app: FastifyInstance;
const transaction = newTransaction();

/** Accepts any token and takes it as the scope. */
const guard: ResourceGuard = {
  async check({ authorization, url }, { scope }): Promise<Caller> {
    expect(url.startsWith('https://log.example/')).toBe(true);
    if (authorization.length === 0) throw accessErrors.error('token_missing', 'A token is needed.');
    if (authorization[0] !== `DPoP ${scope}`)
      throw accessErrors.error('insufficient_scope', `The token lacks ${scope}.`);
    return {
      subject: 'person:auditor',
      client: 'console',
      institution: 'LEI',
      actors: [],
      scope: [scope],
      tokenId: 't',
      authorizationDetails: [],
    };
  },
};

beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  await Promise.all(drafts(300 - firstPlace, { transaction }).map((record) => log.append(record)));
  app = serveLog(rig, log, { operator: 'LEI', guard });
});
afterAll(async () => {
  await app.close();
  await rig.close();
});

async function get(url: string, scope?: string) {
  return app.inject({ url, headers: scope === undefined ? {} : { authorization: `DPoP ${scope}` } });
}

describe('the public log endpoints', () => {
  it('serves a checkpoint that verifies with the key it serves', async () => {
    const answer = await get('/log/checkpoint');
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    const key = parseVerifierKey((await get('/log/verifier-key')).body.trim());
    if (!key.ok) throw new Error(key.reason);
    expect(verifyCheckpoint({ signedNote: answer.body, origin: 'log.example/test', logKeys: [key.key] })).toMatchObject(
      { ok: true, checkpoint: { size: 300n } },
    );
  });

  it('serves the hashes of full and partial tiles, cacheable forever', async () => {
    const full = await get('/log/tile/0/000');
    expect(full.statusCode).toBe(200);
    expect(full.rawPayload).toHaveLength(8_192);
    expect(full.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect((await get('/log/tile/0/001.p/44')).rawPayload).toHaveLength(44 * 32);
    expect((await get('/log/tile/1/000.p/1')).rawPayload).toHaveLength(32);
  });

  it.each([
    '/log/tile/0/001',
    '/log/tile/0/001.p/45',
    '/log/tile/0/002.p/1',
    '/log/tile/2/000.p/1',
    '/log/tile/0/000.p/256',
    '/log/tile/0/0',
    '/log/tile/x',
    '/log/tile/0/x000/001',
    '/log/tile/64/000',
  ])('returns 404 for %s', async (url) => {
    expect((await get(url)).statusCode).toBe(404);
  });
});

describe('public proofs', () => {
  async function keys() {
    const key = parseVerifierKey((await get('/log/verifier-key')).body.trim());
    return key.ok ? [key.key] : [];
  }

  it('of inclusion are files that verify with the hash of the record alone', async () => {
    const tile = (await get('/log/tile/0/000')).rawPayload;
    for (const index of [0, 1, 255]) {
      const answer = await get(`/log/proof/inclusion/${index}`);
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      const leafHash = tile.subarray(index * 32, (index + 1) * 32);
      const claim = { file: answer.body, origin: 'log.example/test', logKeys: await keys() };
      expect(verifyTlogProof({ ...claim, leafHash })).toMatchObject({ ok: true, index: BigInt(index) });
      expect(verifyTlogProof({ ...claim, leafHash: Buffer.alloc(32) })).toMatchObject({ ok: false });
    }
  });

  it('of inclusion are given only for published records', async () => {
    expect((await get('/log/proof/inclusion/300000')).statusCode).toBe(404);
    for (const index of ['-1', '01', 'x', '1e3', '99999999999999999999'])
      expect((await get(`/log/proof/inclusion/${index}`)).statusCode, index).toBe(400);
  });

  it('of consistency connect any two sizes', async () => {
    const { body } = await get('/log/checkpoint');
    const size = Number(body.split('\n')[1]);
    const toRoot = Buffer.from(body.split('\n')[2] ?? '', 'base64');
    for (const from of [1, 2, 255, 256, 257, size]) {
      const answer = await get(`/log/proof/consistency?from=${from}&to=${size}`);
      const { hashes } = answer.json<{ hashes: string[] }>();
      const proof = hashes.map((hash) => Buffer.from(hash, 'base64'));
      const leaves = [
        ...(await get('/log/tile/0/000')).rawPayload.toString('hex').matchAll(/.{64}/g),
        ...(await get(`/log/tile/0/001.p/${size - 256}`)).rawPayload.toString('hex').matchAll(/.{64}/g),
      ].map(([hex]) => Buffer.from(hex, 'hex'));
      const fromRoot = Frontier.empty.append(leaves.slice(0, from)).root();
      const claim = { from: BigInt(from), to: BigInt(size), fromRoot, toRoot, proof };
      expect(verifyConsistency(claim)).toEqual({ ok: true });
      expect(verifyConsistency({ ...claim, fromRoot: Buffer.alloc(32) }).ok).toBe(false);
    }
    expect((await get('/log/proof/consistency?from=0&to=7')).json()).toEqual({ from: '0', to: '7', hashes: [] });
    for (const query of ['from=8&to=7', 'from=1&to=300000', 'from=1', 'from=-1&to=7', 'from=1&to=2&more=3'])
      expect((await get(`/log/proof/consistency?${query}`)).statusCode, query).toBe(400);
  });
});

describe('records and evidence', () => {
  it('require a token with the right scope', async () => {
    for (const url of [
      '/log/tile/entries/000',
      '/log/tile/%65ntries/000',
      '/evidence/records',
      `/evidence/transactions/${transaction}`,
    ]) {
      expect((await get(url)).statusCode, url).toBe(401);
      expect((await get(url, 'order:create')).statusCode, url).toBe(403);
    }
    expect((await get(`/evidence/transactions/${transaction}`, 'audit:read')).statusCode).toBe(403);
  });

  it('are served as entry bundles that hash to the tile beside them', async () => {
    const entries = decodeEntryBundle((await get('/log/tile/entries/000', 'audit:read')).rawPayload, 256);
    if (!entries.ok) throw new Error(entries.reason);
    expect(Buffer.concat(entries.entries.map((entry) => hashLeaf(entry)))).toEqual(
      (await get('/log/tile/0/000')).rawPayload,
    );
    expect((await get('/log/tile/entries/001.p/44', 'audit:read')).headers['cache-control']).toContain('private');
  });

  it('can be searched by transaction, by type and page by page', async () => {
    const found = (await get(`/evidence/records?transaction=${transaction}&after=100&limit=2`, 'audit:read')).json<{
      records: { index: string }[];
    }>();
    expect(found.records.map(({ index }) => index)).toEqual(['101', '102']);
    const opened = (await get('/evidence/records?type=log.opened', 'audit:read')).json<{ records: unknown[] }>();
    expect(opened.records).toHaveLength(1);
    for (const query of ['limit=x', 'after=-1', 'after=1e3', 'stray=1', 'limit=0'])
      expect((await get(`/evidence/records?${query}`, 'audit:read')).statusCode, query).toBe(400);
    for (const query of ['type=unknown', 'transaction=x'])
      expect((await get(`/evidence/records?${query}`, 'audit:read')).statusCode, query).toBe(404);
  });

  it('are exported as a bundle that verifies, since a checkpoint that the reader holds', async () => {
    const other = newTransaction();
    await log.append(draft({ transaction: other }));
    const kept = (await get('/log/checkpoint')).body;
    await log.append(draft());
    const answer = await get(
      `/evidence/transactions/${other}?since=${Buffer.from(kept).toString('base64url')}`,
      'audit:export',
    );
    expect(
      verifyBundle(answer.json(), { trust: { logVerifierKey: log.verifierKey(), checkpoint: kept } }),
    ).toMatchObject({ ok: true, anchored: true });
    expect((await log.search({ type: 'evidence.exported' })).at(-1)?.record.subject).toEqual({
      id: 'person:auditor',
      institution: 'LEI',
    });
  });

  it('are not exported for an unknown transaction', async () => {
    expect((await get(`/evidence/transactions/${newTransaction()}`, 'audit:export')).json()).toMatchObject({
      status: 404,
      code: 'transaction_without_records',
    });
    expect((await get('/evidence/transactions/x', 'audit:export')).statusCode).toBe(404);
    for (const since of ['%2B', 'AAAA', 'x'.repeat(30_000)])
      expect((await get(`/evidence/transactions/${transaction}?since=${since}`, 'audit:export')).statusCode).toBe(400);
  });
});

describe('the schemas of records over HTTP', () => {
  it('are public, one for each type', async () => {
    const answer = await app.inject({ method: 'GET', url: '/evidence/schemas' });
    const { schemas } = answer.json<{ schemas: readonly { type: string; id: string; url: string }[] }>();
    expect(schemas.map(({ type }) => type)).toEqual(recordTypes);
    expect(schemas[0]).toMatchObject({
      id: 'urn:countersign:schema:record:log.opened:1',
      url: 'https://log.example/evidence/schemas/log.opened',
    });
    const one = await app.inject({ method: 'GET', url: '/evidence/schemas/token.issued' });
    expect(one.headers['content-type']).toBe('application/schema+json; charset=utf-8');
    expect(one.json()).toEqual(JSON.parse(JSON.stringify(recordSchema('token.issued'))));
  });

  it.each(['token.stolen', 'constructor', '%2e%2e%2fsecret'])('are not found for the type %s', async (type) => {
    const answer = await app.inject({ method: 'GET', url: `/evidence/schemas/${type}` });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'record_not_found' });
  });
});
