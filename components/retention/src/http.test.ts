import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  changeProposal,
  erasureProposal,
  holdList,
  hold as holdSchema,
  keysAnswer,
  overview,
  simulationAnswer,
} from './http/schemas.ts';
import { retentionRoutes } from './index.ts';
import { createRetentionWorld, operator, type RetentionWorld } from './testing/retention-world.ts';

/** Takes the caller from the request, and checks the scope. */

let world: RetentionWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
beforeAll(async () => {
  world = await createRetentionWorld();
  retentionRoutes(app, {
    retention: world.retention,
    guard: createOpenGuard(),
    baseUrl: 'https://countersign.example',
    operator,
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

const paula = { subject: 'person:paula.records', client: 'console' };
const colin = { subject: 'person:colin.counsel', client: 'console' };
async function call(
  method: 'GET' | 'POST',
  url: string,
  scope: string,
  options: { readonly by?: { subject: string; client: string }; readonly lei?: string; readonly body?: object } = {},
) {
  const { by = paula, lei = operator, body } = options;
  const answer = await app.inject({
    method,
    url,
    headers: asCaller({ id: by.subject, institution: lei }, [scope], { client: by.client }),
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: answer.json() };
}
const errorsOf = (schema: TSchema, value: unknown): unknown[] => [...Compile(schema).Errors(value)];

describe('retention over HTTP', () => {
  it('is read, simulated, proposed by one and approved by another, as described', async () => {
    const before = await call('GET', '/retention', 'retention:read');
    expect(before).toMatchObject({ status: 200, body: { schedule: { version: 0 }, activeHolds: 0 } });
    expect(errorsOf(overview, before.body)).toEqual([]);
    const change = { kind: 'schedule', presets: ['mifir-25'], years: { transaction: 7, authority: 7 } };
    const simulated = await call('POST', '/retention/simulations', 'retention:propose', { body: { change } });
    expect(simulated.status).toBe(201);
    expect(errorsOf(simulationAnswer, simulated.body)).toEqual([]);
    const body = { simulation: simulated.body.id, reason: 'the authority asks for seven years' };
    const proposed = await call('POST', '/retention/proposals', 'retention:propose', { body });
    expect(proposed.status).toBe(201);
    expect(errorsOf(changeProposal, proposed.body)).toEqual([]);
    const { id, digest } = proposed.body;
    const read = await call('GET', `/retention/proposals/${id}`, 'retention:read', { by: colin });
    expect(read.body).toEqual(proposed.body);
    const approve = (by: typeof paula) =>
      call('POST', `/retention/proposals/${id}/approve`, 'retention:approve', { by, body: { digest } });
    expect(await approve(paula)).toMatchObject({ status: 403, body: { code: 'own_proposal' } });
    expect(await approve(colin)).toMatchObject({
      status: 200,
      body: { status: 'completed', decidedBy: { id: colin.subject } },
    });
    expect(await approve(colin)).toMatchObject({ status: 409, body: { code: 'proposal_settled' } });
    const after = await call('GET', '/retention', 'retention:read');
    expect(after.body).toMatchObject({ schedule: { version: 1, years: { transaction: 7 } }, history: [{}] });
    expect(errorsOf(overview, after.body)).toEqual([]);
    const list = await call('GET', '/retention/proposals?status=completed', 'retention:read');
    expect(list.body.proposals).toHaveLength(1);
    expect((await call('GET', '/retention/proposals?status=rejected', 'retention:read')).body.proposals).toEqual([]);
  });

  it('prunes, and shows in the proposal what was removed', async () => {
    world.aged(9, { type: 'session.started' });
    const change = { kind: 'pruning', class: 'access' };
    const { body: simulation } = await call('POST', '/retention/simulations', 'retention:propose', {
      body: { change },
    });
    const { body: proposal } = await call('POST', '/retention/proposals', 'retention:propose', {
      body: { simulation: simulation.id, reason: 'old' },
    });
    await call('POST', `/retention/proposals/${proposal.id}/approve`, 'retention:approve', {
      by: colin,
      body: { digest: proposal.digest },
    });
    await world.retention.carryOut();
    const { body } = await call('GET', `/retention/proposals/${proposal.id}`, 'retention:read');
    expect(body).toMatchObject({ status: 'completed', pruned: { count: 1, held: 0, needed: 0 } });
    expect(errorsOf(changeProposal, body)).toEqual([]);
  });

  it('places and releases holds', async () => {
    const body = { scope: { types: ['token.issued'], from: '2030-01-01T00:00:00Z' }, matter: 'case 4', future: true };
    const placed = await call('POST', '/retention/holds', 'legalhold:place', { body });
    expect(placed.status).toBe(201);
    expect(errorsOf(holdSchema, placed.body)).toEqual([]);
    const release = (by: typeof paula) =>
      call('POST', `/retention/holds/${placed.body.id}/release`, 'legalhold:release', { by, body: { reason: 'over' } });
    expect(await release(paula)).toMatchObject({ status: 403, body: { code: 'hold_same_person' } });
    expect((await call('GET', '/retention/holds?active=true', 'retention:read')).body.holds).toEqual([placed.body]);
    expect((await release(colin)).body).toMatchObject({ releasedBy: { id: colin.subject } });
    expect((await call('GET', '/retention/holds?active=true', 'retention:read')).body.holds).toEqual([]);
    const all = await call('GET', '/retention/holds', 'retention:read');
    expect(errorsOf(holdList, all.body)).toEqual([]);
    expect(all.body.holds).toHaveLength(1);
  });

  it('erases what is due', async () => {
    const subject = 'person:tessa.trader';
    world.custody.keys.set('key_1', {
      ...{ key: 'key_1', subject, region: 'eu', class: 'access', year: 2028, values: 2 },
      newest: '2028-06-01T00:00:00.000Z',
    });
    const keys = await call('GET', `/retention/erasures/keys?subject=${subject}`, 'retention:read');
    expect(errorsOf(keysAnswer, keys.body)).toEqual([]);
    const body = { subject, reason: 'asked' };
    const proposed = await call('POST', '/retention/erasures', 'erasure:propose', { body });
    expect(errorsOf(erasureProposal, proposed.body)).toEqual([]);
    const { id, digest } = proposed.body;
    await call('POST', `/retention/erasures/${id}/approve`, 'erasure:approve', { by: colin, body: { digest } });
    await world.retention.carryOut();
    const done = await call('GET', `/retention/erasures/${id}`, 'retention:read');
    expect(done.body).toMatchObject({ status: 'completed', erased: 2 });
    expect(errorsOf(erasureProposal, done.body)).toEqual([]);
    expect((await call('GET', '/retention/erasures?status=completed', 'retention:read')).body.erasures).toHaveLength(1);
    // An erasure is not a proposal for the schedule, and the reverse.
    expect(await call('GET', `/retention/proposals/${id}`, 'retention:read')).toMatchObject({ status: 404 });
  });

  const routes = [
    ['GET', '/retention', 'retention:read', undefined],
    ['POST', '/retention/simulations', 'retention:propose', { change: { kind: 'pruning', class: 'access' } }],
    ['GET', '/retention/proposals', 'retention:read', undefined],
    ['GET', '/retention/proposals/rec_x', 'retention:read', undefined],
    ['POST', '/retention/proposals', 'retention:propose', { simulation: 'sim_x', reason: 'why' }],
    ['POST', '/retention/proposals/rec_x/approve', 'retention:approve', { digest: 'x'.repeat(43) }],
    ['POST', '/retention/proposals/rec_x/reject', 'retention:approve', { reason: 'no' }],
    ['GET', '/retention/holds', 'retention:read', undefined],
    ['POST', '/retention/holds', 'legalhold:place', { scope: {}, matter: 'm' }],
    ['POST', '/retention/holds/rec_x/release', 'legalhold:release', { reason: 'r' }],
    ['GET', '/retention/erasures/keys?subject=x', 'retention:read', undefined],
    ['GET', '/retention/erasures', 'retention:read', undefined],
    ['GET', '/retention/erasures/rec_x', 'retention:read', undefined],
    ['POST', '/retention/erasures', 'erasure:propose', { subject: 'x', reason: 'r' }],
    ['POST', '/retention/erasures/rec_x/approve', 'erasure:approve', { digest: 'x'.repeat(43) }],
    ['POST', '/retention/erasures/rec_x/reject', 'erasure:approve', { reason: 'no' }],
  ] as const;
  const scopes = [...new Set(routes.map(([, , scope]) => scope))];

  it.each(routes)('%s %s is for %s only, and for the operator', async (method, url, scope, body) => {
    const given = body === undefined ? {} : { body };
    for (const other of scopes.filter((name) => name !== scope))
      expect(await call(method, url, other, given)).toMatchObject({
        status: 403,
        body: { code: 'insufficient_scope' },
      });
    expect(await call(method, url, scope, { ...given, lei: '529900T8BM49AURSDO55' })).toMatchObject({
      status: 403,
      body: { code: 'retention_of_the_operator' },
    });
    expect((await app.inject({ method, url, ...(body === undefined ? {} : { payload: body }) })).statusCode).toBe(401);
    expect((await call(method, url, scope, given)).status).not.toBe(403);
  });

  it.each<[string, string, object]>([
    ['/retention/simulations', 'retention:propose', { change: { kind: 'pruning', class: 'custody' } }],
    ['/retention/simulations', 'retention:propose', { change: { kind: 'schedule', presets: ['none'] } }],
    [
      '/retention/simulations',
      'retention:propose',
      { change: { kind: 'schedule', presets: [], years: { access: 0 } } },
    ],
    [
      '/retention/simulations',
      'retention:propose',
      { change: { kind: 'pruning', class: 'access', before: 'long ago' } },
    ],
    ['/retention/proposals', 'retention:propose', { simulation: 'sim_x', reason: '' }],
    ['/retention/holds', 'legalhold:place', { scope: { everything: true }, matter: 'm' }],
    ['/retention/holds', 'legalhold:place', { scope: {}, matter: 'm', future: true }],
    ['/retention/erasures', 'erasure:propose', { subject: 'x', reason: 'r', keys: [] }],
  ])('POST %s refuses unreadable input', async (url, scope, body) => {
    expect((await call('POST', url, scope, { body })).status).toBe(400);
  });
});
