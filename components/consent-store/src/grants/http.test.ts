import type { Grant, Person } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentStoreRoutes } from '../index.ts';
import { type ConsentWorld, createConsentWorld } from '../testing/consent-world.ts';
import { actor, brokerClerk, brokerSignatory, fundSignatory } from '../testing/firms.ts';
import { clientId, grantProposal } from '../testing/grant-proposal.ts';

let world: ConsentWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });

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

function list(query: string, by: Person, scope = 'mandate:read') {
  return app.inject({ method: 'GET', url: `/grants${query}`, headers: asCaller(by, [scope]) });
}

function revoke(id: string, by: Person, payload: object = { reason: 'Laptop lost' }, scope = 'mandate:revoke') {
  return app.inject({ method: 'POST', url: `/grants/${id}/revoke`, payload, headers: asCaller(by, [scope]) });
}

const ofFund = { subject: fundSignatory.id, institution: fundSignatory.institution };

describe('grants over HTTP', () => {
  it('are shown to the institution whose people gave them, and to no other', async () => {
    const client = clientId('shown-screen');
    const own = await world.store.grants.give(grantProposal({ client }));
    const foreign = await world.store.grants.give(grantProposal({ client, ...ofFund }));
    const seen = async (query: string, by: Person) =>
      (await list(query, by)).json<{ grants: Grant[] }>().grants.map(({ id }) => id);
    expect(await seen(`?client=${client}`, brokerSignatory)).toEqual([own.id]);
    expect(await seen(`?client=${client}`, fundSignatory)).toEqual([foreign.id]);
    expect(await seen(`?client=${client}&subject=${fundSignatory.id}`, brokerSignatory)).toEqual([]);
    expect(await seen(`?subject=${brokerClerk.id}&status=active`, brokerSignatory)).toContain(own.id);
    expect(await seen(`?client=${client}&after=${own.id}`, brokerSignatory)).toEqual([]);
  });

  it('are shown completely, except the session they were given in', async () => {
    const client = clientId('whole-screen');
    const session = 'ses_00000000000000000000000000' as Grant['session'];
    const {
      session: _,
      decision: __,
      ...given
    } = await world.store.grants.give(grantProposal({ client, ...(session && { session }) }));
    expect((await list(`?client=${client}`, brokerSignatory)).json()).toEqual({ grants: [given] });
  });

  it('are revoked once, by the institution whose people gave them', async () => {
    const { id } = await world.store.grants.give(grantProposal());
    const first = await revoke(id, brokerSignatory);
    expect([first.statusCode, first.json<Grant>().status]).toEqual([200, 'revoked']);
    expect((await revoke(id, brokerSignatory)).json()).toEqual(first.json());
    expect(world.audit.ofType('grant.revoked')).toMatchObject([
      { subject: actor(brokerSignatory), data: { grant: id, reason: 'Laptop lost' } },
    ]);
  });

  it('of another institution do not exist for the caller', async () => {
    const { id } = await world.store.grants.give(grantProposal(ofFund));
    const hidden = await revoke(id, brokerSignatory);
    const missing = await revoke('grt_00000000000000000000000000', brokerSignatory);
    expect([hidden.statusCode, hidden.json()]).toEqual([404, missing.json()]);
    expect(hidden.json()).toMatchObject({ code: 'grant_not_found' });
    expect(await world.store.grants.find(id)).toMatchObject({ status: 'active' });
  });

  it('require the scope of each route', async () => {
    const { id } = await world.store.grants.give(grantProposal());
    expect((await list('', brokerSignatory, 'mandate:revoke')).statusCode).toBe(403);
    expect((await revoke(id, brokerSignatory, { reason: 'x' }, 'mandate:read')).statusCode).toBe(403);
    expect((await app.inject({ method: 'GET', url: '/grants' })).statusCode).toBe(401);
    expect(await world.store.grants.find(id)).toMatchObject({ status: 'active' });
  });

  it.each(['?stray=1', '?status=ended', `?client=${'x'.repeat(65)}`, '?client=a&client=b'])(
    'are not listed for %s',
    async (query) => {
      expect((await list(query, brokerSignatory)).statusCode).toBe(400);
    },
  );

  it.each(['client', 'subject'])('are not listed by a %s that cannot be an id', async (name) => {
    for (const value of ['%00', 'a%00b', '', '%F0%9F%98%80']) {
      const response = await list(`?${name}=${value}`, brokerSignatory);
      expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([400, 'request_invalid']);
    }
  });

  it('are not listed after something that is not a grant', async () => {
    expect((await list('?after=x', brokerSignatory)).json()).toMatchObject({ status: 404, code: 'grant_not_found' });
  });

  it.each([
    ['no reason', {}],
    ['an empty reason', { reason: '' }],
    ['a reason that turns the writing direction', { reason: 'a\u202eb' }],
    ['a reason too long', { reason: 'x'.repeat(401) }],
    ['an unknown field', { reason: 'x', note: 'y' }],
  ])('are not revoked with %s', async (_, payload) => {
    const { id } = await world.store.grants.give(grantProposal());
    expect((await revoke(id, brokerSignatory, payload)).statusCode).toBe(400);
    expect(await world.store.grants.find(id)).toMatchObject({ status: 'active' });
  });
});
