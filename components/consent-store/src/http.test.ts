import type { Mandate, Person } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentStoreRoutes } from './index.ts';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import {
  actor,
  broker,
  brokerClerk,
  brokerSignatory,
  clearer,
  clearerSignatory,
  custodian,
  fundSignatory,
  personOf,
  rootProposal,
  stranger,
  termsHash,
} from './testing/firms.ts';
import { givenChild, givenRoot } from './testing/given-mandates.ts';
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

function get(url: string, by: Person) {
  return app.inject({ method: 'GET', url, headers: asCaller(by, ['mandate:read']) });
}

async function active(): Promise<Mandate> {
  const proposed = await post('/mandates', fundSignatory, 'mandate:grant', rootProposal(), {
    'idempotency-key': `http-proposal-${++keys}`,
  });
  const { id } = proposed.json<Mandate>();
  return (await post(`/mandates/${id}/accept`, brokerSignatory, 'mandate:grant', { termsHash })).json<Mandate>();
}

describe('mandates over HTTP', () => {
  it('go from proposal to revocation', async () => {
    const mandate = await active();
    expect(mandate).toMatchObject({ status: 'active', version: 2 });
    const reason = { reason: 'Review' };
    for (const [step, status, scope] of [
      ['suspend', 'suspended', 'mandate:revoke'],
      ['resume', 'active', 'mandate:grant'],
      ['revoke', 'revoked', 'mandate:revoke'],
    ] as const) {
      const answer = await post(`/mandates/${mandate.id}/${step}`, fundSignatory, scope, reason);
      expect([answer.statusCode, answer.json<Mandate>().status]).toEqual([200, status]);
    }
    const read = (await get(`/mandates/${mandate.id}`, brokerClerk)).json();
    expect(read.mandate.status).toBe('revoked');
    expect(read.history).toHaveLength(5);
  });

  it('do not let somebody who may only revoke restore authority', async () => {
    const { id } = await active();
    await post(`/mandates/${id}/suspend`, fundSignatory, 'mandate:revoke', { reason: 'An emergency' });
    const answer = await post(`/mandates/${id}/resume`, fundSignatory, 'mandate:revoke', { reason: 'Back to work' });
    expect(answer.json()).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect((await get(`/mandates/${id}`, brokerClerk)).json().mandate.status).toBe('suspended');
  });

  it('answer a proposal with 201, and again with the same mandate under the same key', async () => {
    const headers = { 'idempotency-key': 'http-proposal-same' };
    const first = await post('/mandates', fundSignatory, 'mandate:grant', rootProposal(), headers);
    const second = await post('/mandates', fundSignatory, 'mandate:grant', rootProposal(), headers);
    expect(first.statusCode).toBe(201);
    expect(second.json()).toEqual(first.json());
  });

  it('require exactly one idempotency key', async () => {
    for (const headers of [{}, { 'idempotency-key': 'http-key-1, http-key-2' }])
      expect((await post('/mandates', fundSignatory, 'mandate:grant', rootProposal(), headers)).json()).toMatchObject({
        status: 400,
        code: 'mandate_invalid',
      });
  });

  it('are shown to their parties; to others they do not exist', async () => {
    const { id } = await active();
    expect((await get(`/mandates/${id}`, brokerClerk)).statusCode).toBe(200);
    const hidden = await get(`/mandates/${id}`, outsider);
    const absent = await get('/mandates/mnd_00000000000000000000000000', outsider);
    expect(hidden.statusCode).toBe(404);
    expect(hidden.json()).toEqual(absent.json());
    expect((await get('/mandates', outsider)).json()).toEqual({ mandates: [] });
    const { mandates } = (await get('/mandates', brokerClerk)).json<{ mandates: Mandate[] }>();
    expect(mandates.map((mandate) => mandate.id)).toContain(id);
  });

  it.each([
    ['an unknown field', { ...rootProposal(), note: 'x' }],
    ['no constraints', { ...rootProposal(), constraints: undefined }],
    ['a list where an object belongs', []],
    ['a prototype in disguise', JSON.parse('{"constructor":{"prototype":{}}}')],
  ])('refuse a proposal with %s as a problem document', async (_, payload) => {
    const answer = await post('/mandates', fundSignatory, 'mandate:grant', payload, {
      'idempotency-key': 'http-key-00',
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('require the scope of each route', async () => {
    const { id } = await active();
    const { statusCode } = await post(`/mandates/${id}/revoke`, fundSignatory, 'mandate:grant', { reason: 'No' });
    expect(statusCode).toBe(403);
    expect((await app.inject({ method: 'GET', url: `/mandates/${id}` })).statusCode).toBe(401);
  });
});

describe('asking whether a mandate is valid', () => {
  const validity = (id: string, by: Person, body: object) => post(`/mandates/${id}/validity`, by, 'mandate:read', body);
  const question = (id: string, changes = {}) => ({
    intent: tradeOrder(id),
    acting_for: broker,
    action: 'order:create',
    ...changes,
  });

  it('tells a party the result, the versions, and the reason when it is not', async () => {
    const mandate = await active();
    expect((await validity(mandate.id, brokerClerk, question(mandate.id))).json()).toEqual({
      valid: true,
      version: 2,
      chain: [{ id: mandate.id, version: 2, digest: mandate.digest }],
    });
    const refused = await validity(mandate.id, brokerClerk, question(mandate.id, { action: 'trade:bust' }));
    expect(refused.json()).toMatchObject({ valid: false, reason: 'mandate_action', detail: expect.any(String) });
    const late = question(mandate.id, { at: '2027-06-01T00:00:00Z' });
    expect((await validity(mandate.id, brokerClerk, late)).json()).toMatchObject({ reason: 'mandate_expired' });
  });

  it('tells a party of the intent only the reason, and everybody else nothing', async () => {
    const mandate = await active();
    const tooMuch = question(mandate.id, {
      intent: tradeOrder(mandate.id, { max_notional: { amount: '3000000', ccy: 'EUR' } }),
    });
    expect((await validity(mandate.id, personOf(custodian, 'cus'), tooMuch)).json()).toEqual({
      valid: false,
      reason: 'mandate_notional',
      version: 2,
    });
    expect((await validity(mandate.id, outsider, question(mandate.id))).statusCode).toBe(404);
  });

  it('reveals nothing of others to a caller with an invented intent', async () => {
    const mandate = await active();
    const ownIntent = { intent: tradeOrder(mandate.id, { entity_lei: outsider.institution }) };
    expect((await validity(mandate.id, outsider, question(mandate.id, ownIntent))).statusCode).toBe(404);
    const forThemselves = question(mandate.id, { ...ownIntent, acting_for: outsider.institution });
    expect((await validity(mandate.id, outsider, forThemselves)).json()).toMatchObject({
      valid: false,
      reason: 'mandate_grantee',
    });
  });

  it('gives the text of a refusal to the parties of the refusing mandate, and not to those of its chain', async () => {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    await world.store.suspend(root.id, actor(fundSignatory), 'Review');
    const asked = question(child.id, { acting_for: clearer });
    const told = { valid: false, reason: 'mandate_suspended' };
    expect((await validity(child.id, clearerSignatory, asked)).json()).toEqual({ ...told, version: child.version });
    expect((await validity(child.id, brokerClerk, asked)).json()).toMatchObject({
      ...told,
      detail: expect.any(String),
    });
  });

  it.each([
    ['an invalid intent', { intent: { type: 'x' } }],
    ['an intent that names another mandate', { intent: tradeOrder('mnd_00000000000000000000000000') }],
    ['an invalid institution', { acting_for: 'broker' }],
    ['an invalid time', { at: 'now' }],
  ])('refuses %s', async (_, changes) => {
    const { id } = await active();
    const answer = await validity(id, brokerClerk, question(id, changes));
    expect(answer.json()).toMatchObject({ status: 400, code: 'mandate_invalid' });
  });

  it('is not valid for an institution to which nothing was given', async () => {
    const { id } = await active();
    const answer = await validity(id, brokerClerk, question(id, { acting_for: clearer }));
    expect(answer.json()).toMatchObject({ valid: false, reason: 'mandate_grantee' });
  });
});
