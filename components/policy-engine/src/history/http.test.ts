import { setTimeout as sleep } from 'node:timers/promises';
import { accessErrors, type Caller, type LimitReading, type ResourceGuard } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findingJson, type LimitFinding } from '../decision/limit-finding.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { createPast, houseRules, type Past, rulesWith } from '../testing/past-decisions.ts';
import { historyRoutes } from './http.ts';

/** Accepts a token that is the scope itself. */
const guard: ResourceGuard = {
  async check({ authorization }, { scope }): Promise<Caller> {
    if (authorization.length === 0) throw accessErrors.error('token_missing', 'A token is needed.');
    if (authorization[0] !== `DPoP ${scope}`)
      throw accessErrors.error('insufficient_scope', `The token lacks ${scope}.`);
    return {
      subject: 'person:olga',
      client: 'console',
      institution: 'OPER',
      actors: [],
      scope: [scope],
      tokenId: 't',
      authorizationDetails: [],
    };
  },
};

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
let past: Past;
let app: FastifyInstance;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [policyEngineMigrations] });
  past = createPast(scratch.pool('policy-engine'));
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  historyRoutes(app, { history: past.history, guard, baseUrl: 'https://decisions.example' });
});
afterAll(async () => {
  await app.close();
  await past.history.stop();
  await scratch.drop();
});

async function call(method: 'GET' | 'POST', url: string, payload?: object, scope = 'policy:read') {
  const answer = await app.inject({
    method,
    url,
    headers: { authorization: `DPoP ${scope}` },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

describe('decision history over HTTP', () => {
  it('simulates a bundle over recorded decisions in the background', async () => {
    await past.order({ notional: '2000.0' });
    past.clock.advance(1_000);
    const range = { action: 'order:create' };
    const begun = await call('POST', '/policies/simulations', { bundle: rulesWith('1000000.0', '1000.0'), range });
    expect(begun).toMatchObject({ status: 202, body: { status: 'running', startedBy: 'person:olga', range } });
    const read = () => call('GET', `/policies/simulations/${String(begun.body['id'])}`);
    while ((await read()).body['status'] === 'running') await sleep(10);
    expect(await read()).toMatchObject({ status: 200, body: { status: 'done', decisions: 1, permitToDeny: 1 } });
  });

  it('replays and explains a recorded decision', async () => {
    const record = await past.order({ notional: '2000000.0' });
    expect(await call('POST', '/policies/replay', { record })).toMatchObject({
      status: 200,
      body: { record, outcome: 'identical', recorded: { decision: false } },
    });
    expect(await call('GET', `/policies/decisions/${record}`)).toMatchObject({
      status: 200,
      body: { recorded: { decision: false }, unmet: [{ policyId: 'large-orders' }] },
    });
  });

  it('returns every limit reading and whether a time stamp was asked for', async () => {
    const reading: LimitReading = {
      limit: 'day',
      key: 'trader=person:anna',
      measure: 'notional',
      window: 'PT86400S',
      unit: 'EUR',
      max: '9',
      used: '8',
      amount: '5',
      headroom: '1',
      overriddenBy: 'risk',
    };
    const finding: LimitFinding = {
      outcome: 'reserved',
      readings: [reading],
      exceeded: [],
      approvals: [],
      uncountable: [],
    };
    const record = await past.order({ verdict: { timeStamp: true } });
    past.alter(record, (document) => ({ ...document, limits: findingJson(finding) }));
    expect(await call('GET', `/policies/decisions/${record}`)).toMatchObject({
      status: 200,
      body: { recorded: { timeStamp: true }, limits: [{ ...reading, exceeded: false }] },
    });
    const { body } = await call('POST', '/policies/replay', { record });
    expect(body['differences']).toContainEqual({ field: 'time_stamp', recorded: true, replayed: null });
  });

  it.each([
    ['GET', '/policies/simulations/sim_x', undefined, 404, 'simulation_not_found'],
    ['POST', '/policies/replay', { record: 'rec_x' }, 404, 'decision_not_found'],
    ['POST', '/policies/replay', { record: 7 }, 400, 'request_invalid'],
    ['POST', '/policies/replay', {}, 400, 'request_invalid'],
    ['GET', '/policies/decisions/rec_x', undefined, 404, 'decision_not_found'],
    ['POST', '/policies/simulations', { bundle: { schema: 'x' } }, 400, 'request_invalid'],
    ['POST', '/policies/simulations', { bundle: houseRules, range: { since: 'x' } }, 400, 'request_invalid'],
    ['POST', '/policies/simulations', { bundle: houseRules, range: { from: 'today' } }, 400, undefined],
    ['POST', '/policies/simulations', { bundle: { ...houseRules, schema: '' } }, 400, 'policy_invalid'],
  ] as const)('refuses %s %s with %j', async (method, url, payload, status, code) => {
    const answer = await call(method, url, payload);
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(answer.body).toMatchObject({ code });
  });

  it.each([
    ['POST', '/policies/simulations', { bundle: houseRules }],
    ['GET', '/policies/simulations/sim_01k9z3m8q4d6s0v2x5y7a9b1c3', undefined],
    ['POST', '/policies/replay', { record: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' }],
    ['GET', '/policies/decisions/rec_01k9z3m8q4d6s0v2x5y7a9b1c3', undefined],
  ] as const)('lets nobody %s %s without policy:read', async (method, url, payload) => {
    expect(await call(method, url, payload, 'policy:propose')).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
    // Refused before the body is read, whatever it holds.
    const headers = { 'content-type': 'application/json' };
    const unknown = await app.inject({ method, url, ...(payload === undefined ? {} : { headers, payload: '{' }) });
    expect(unknown.statusCode).toBe(401);
  });
});
