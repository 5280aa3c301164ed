import type { Mandate, Person } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentStoreRoutes, verifyMandateVersions } from './index.ts';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import {
  broker,
  brokerClerk,
  brokerSignatory,
  clearer,
  clearerSignatory,
  constraints,
  custodian,
  custodianSignatory,
  fundSignatory,
  personOf,
  rootProposal,
  stranger,
  termsHash,
} from './testing/firms.ts';
import { givenRoot } from './testing/given-mandates.ts';
import { tradeOrder } from './testing/trade-order.ts';

let world: ConsentWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
const outsider = personOf(stranger, 'sam');
let keys = 0;

beforeAll(async () => {
  world = await createConsentWorld();
  consentStoreRoutes(app, {
    consentStore: world.store,
    guard: createOpenGuard(),
    baseUrl: 'https://countersign.example',
    clock: world.clock,
    signer: world.signer,
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

function post(url: string, by: Person, scope: string, payload: object, headers: Record<string, string> = {}) {
  return app.inject({ method: 'POST', url, payload, headers: { ...asCaller(by, [scope]), ...headers } });
}
const get = (url: string, by: Person) => app.inject({ method: 'GET', url, headers: asCaller(by, ['mandate:read']) });
const amend = (id: string, by: Person, payload: object) =>
  post(`/mandates/${id}/amendments`, by, 'mandate:grant', payload, { 'idempotency-key': `amendment-${++keys}` });

const oneVenue = { constraints: { ...constraints, venues: ['XETR'] } };

describe('amendments over HTTP', () => {
  it('are proposed, consented to and in force', async () => {
    const { id } = await givenRoot(world.store);
    const proposed = await amend(id, fundSignatory, oneVenue);
    expect(proposed.statusCode).toBe(201);
    const termsDigest = proposed.json<Mandate>().amendment?.termsDigest;
    const accepted = await post(`/mandates/${id}/amendments/accept`, brokerSignatory, 'mandate:grant', { termsDigest });
    expect([accepted.statusCode, accepted.json<Mandate>().constraints.venues]).toEqual([200, ['XETR']]);
  });

  it('are withdrawn with a reason', async () => {
    const { id } = await givenRoot(world.store);
    await amend(id, fundSignatory, oneVenue);
    const withdraw = (payload: object) =>
      post(`/mandates/${id}/amendments/withdraw`, brokerSignatory, 'mandate:revoke', payload);
    expect((await withdraw({})).statusCode).toBe(400);
    expect((await withdraw({ reason: 'Not agreed' })).json<Mandate>().amendment).toBeUndefined();
  });

  it('show a mandate to the joining party, and still not to others', async () => {
    const { id } = await givenRoot(world.store);
    expect((await get(`/mandates/${id}`, clearerSignatory)).statusCode).toBe(404);
    await amend(id, fundSignatory, { replace: { part: 'grantee', by: { lei: clearer, role: 'ClearingFirm' } } });
    expect((await get(`/mandates/${id}`, clearerSignatory)).statusCode).toBe(200);
    expect((await get(`/mandates/${id}`, outsider)).statusCode).toBe(404);
  });

  it.each([
    ['an unknown member', { note: 'x' }],
    ['an unknown part', { replace: { part: 'fourth', by: { lei: clearer, role: 'ClearingFirm' } } }],
    ['nothing', {}],
    ['another kind', { kind: 'instruction' }],
    ['another parent', { parent: 'mnd_00000000000000000000000000' }],
  ])('are refused with %s', async (_, payload) => {
    const { id } = await givenRoot(world.store);
    const answer = await amend(id, fundSignatory, payload);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([
      400,
      expect.stringContaining('application/problem+json'),
    ]);
  });

  it('require their scopes', async () => {
    const { id } = await givenRoot(world.store);
    for (const path of ['amendments', 'amendments/accept', 'amendments/withdraw'])
      expect((await post(`/mandates/${id}/${path}`, fundSignatory, 'mandate:read', {})).statusCode).toBeOneOf([
        400, 403,
      ]);
    const without = await post(`/mandates/${id}/amendments`, fundSignatory, 'mandate:grant', oneVenue);
    expect(without.json()).toMatchObject({ code: 'mandate_invalid', facts: { field: 'Idempotency-Key' } });
  });
});

describe('mandate kinds over HTTP', () => {
  it('put a three-party mandate into force, and show it to each party', async () => {
    const rule = rootProposal({ kind: 'tri-party-rule', thirdParty: { lei: custodian, role: 'Custodian' } });
    const proposed = await post('/mandates', fundSignatory, 'mandate:grant', rule, { 'idempotency-key': 'rule-1' });
    const { id } = proposed.json<Mandate>();
    for (const [by, status] of [
      [brokerSignatory, 'proposed'],
      [custodianSignatory, 'active'],
    ] as const)
      expect((await post(`/mandates/${id}/accept`, by, 'mandate:grant', { termsHash })).json()).toMatchObject({
        status,
      });
    expect((await get(`/mandates/${id}`, custodianSignatory)).statusCode).toBe(200);
    const listed = (await get('/mandates?kind=tri-party-rule', custodianSignatory)).json<{ mandates: Mandate[] }>();
    expect(listed.mandates.map((mandate) => mandate.id)).toEqual([id]);
  });
});

describe('reading over HTTP', () => {
  it('returns versions that anybody can verify with published keys', async () => {
    const { id } = await givenRoot(world.store);
    const { versions } = (await get(`/mandates/${id}/versions`, brokerClerk)).json<{ versions: Mandate[] }>();
    const answer = await app.inject({ method: 'GET', url: '/mandates/keys' });
    expect(answer.headers['cache-control']).toBe('public, max-age=60');
    const { keys: published } = answer.json<{ keys: { kid: string; alg: 'ES256'; d?: string }[] }>();
    expect(published.every(({ d }) => d === undefined)).toBe(true);
    const verifiable = published.map(({ kid, alg, ...jwk }) => ({
      kid,
      algorithm: alg,
      jwk: jwk as Record<string, string>,
    }));
    expect(verifyMandateVersions(versions, verifiable)).toEqual({ ok: true, signedFrom: 1 });
    expect((await get(`/mandates/${id}/versions`, outsider)).statusCode).toBe(404);
  });

  it('lists by status, kind and end, page by page', async () => {
    const soon = await givenRoot(world.store, { effectiveUntil: '2026-07-01T00:00:00Z' });
    const ids = async (query: string) =>
      (await get(`/mandates?${query}`, brokerClerk)).json<{ mandates: Mandate[] }>().mandates.map(({ id }) => id);
    expect(await ids('ending_before=2026-07-02T00:00:00Z')).toEqual([soon.id]);
    expect(await ids('ending_before=2026-07-01T00:00:00Z')).toEqual([]);
    expect(await ids('status=active&kind=mandate&ending_before=2026-07-02T00:00:00Z')).toEqual([soon.id]);
    expect(await ids('status=revoked')).toEqual([]);
    const [first] = await ids('limit=1');
    expect(await ids(`limit=1&after=${first}`)).not.toEqual([first]);
    for (const query of ['status=gone', 'limit=0', 'limit=201', 'ending_before=soon', 'kind=x', 'page=2'])
      expect((await get(`/mandates?${query}`, brokerClerk)).statusCode).toBe(400);
  });
});

describe('checking over HTTP', () => {
  it('says whether a mandate was in force at a time, as known at a time', async () => {
    const { id } = await givenRoot(world.store);
    const at = new Date(world.clock.now()).toISOString();
    world.clock.advance(1000);
    await world.store.revoke(id, { id: fundSignatory.id, institution: fundSignatory.institution }, 'End');
    const question = { intent: tradeOrder(id), acting_for: broker };
    const validate = async (changes: object, by = brokerClerk) =>
      post(`/mandates/${id}/validate`, by, 'mandate:read', { ...question, ...changes });
    expect((await validate({})).json()).toMatchObject({ valid: false, reason: 'mandate_revoked' });
    expect((await validate({ at })).json()).toMatchObject({ valid: true, version: 2 });
    expect((await validate({ known_at: at })).json()).toMatchObject({ valid: true, version: 2 });
    expect((await validate({ known_at: 'then' })).json()).toMatchObject({ status: 400, code: 'mandate_invalid' });
    expect((await validate({}, outsider)).statusCode).toBe(404);
  });

  it('compares copies for the caller’s institution', async () => {
    const { id, version, digest } = await givenRoot(world.store);
    const compare = (by: Person, payload: object) => post('/mandates/compare', by, 'mandate:read', payload);
    const copies = [{ id, version, digest }];
    expect((await compare(brokerClerk, { copies })).json()).toEqual({ drifts: [] });
    expect((await compare(outsider, { copies })).json()).toMatchObject({ drifts: [{ id, kind: 'unknown-here' }] });
    const { drifts } = (await compare(brokerClerk, { copies, complete: true })).json<{ drifts: { kind: string }[] }>();
    expect(new Set(drifts.map(({ kind }) => kind))).toEqual(new Set(['missing-there']));
    for (const payload of [{}, { copies: [{ id }] }, { copies: [...copies, ...copies] }])
      expect((await compare(brokerClerk, payload)).statusCode).toBe(400);
  });
});
