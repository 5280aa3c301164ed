import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningSecrets, secretsRoutes, venuesRoutes } from '../index.ts';
import { ari, createSecretsWorld, firm, olga, operator, type SecretsWorld } from '../testing/secrets-world.ts';

let world: SecretsWorld;
let secrets: RunningSecrets;
let app: FastifyInstance;
beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  const guard = createOpenGuard();
  secretsRoutes(app, { secrets, guard, operator, baseUrl: world.issuer });
  venuesRoutes(app, { broker: secrets.broker, guard, baseUrl: world.issuer });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

interface By {
  readonly id: string;
  readonly institution: string;
}
async function call([method, url]: readonly ['GET' | 'POST', string], scope: string, by: By, body?: object) {
  const answer = await app.inject({
    ...{ method, url },
    headers: asCaller(by, [scope]),
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, never>>(), headers: answer.headers };
}
const bot = { id: 'service:bot-of-a-firm', institution: firm };
const roleBody = (name: string) => ({
  ...{ name, holders: [bot.id], reason: 'needed' },
  role: {
    database: 'market-data',
    member_of: [world.leased.readers],
    ...{ ttl_seconds: 600, max_ttl_seconds: 600, connections: 2, ends_with: 'holder' },
  },
});

describe('credentials over HTTP', () => {
  it('are defined by two people of the operator, leased by the holder, and stored in no cache', async () => {
    const proposed = await call(['POST', '/secrets/roles/proposals'], 'secret:propose', olga, roleBody('quotes'));
    expect(proposed).toMatchObject({ status: 201, body: { status: 'proposed', kind: 'role', name: 'quotes' } });
    const { id, digest } = proposed.body;
    const approve = (by: By) => call(['POST', `/secrets/proposals/${id}/approve`], 'secret:approve', by, { digest });
    expect(await approve(olga)).toMatchObject({ status: 403, body: { code: 'secret_own_proposal' } });
    expect(await approve({ id: 'person:other', institution: firm })).toMatchObject({
      status: 403,
      body: { code: 'secret_operator_only' },
    });
    expect(await approve(ari)).toMatchObject({ status: 200, body: { status: 'approved' } });
    const leased = await call(['POST', '/secrets/leases'], 'secret:use', bot, { role: 'quotes' });
    expect(leased).toMatchObject({ status: 201, headers: { 'cache-control': 'no-store' } });
    expect(leased.body).toMatchObject({ holder: bot.id, institution: firm, database_name: world.leased.database });
    const { username = '', password = '' } = leased.body as Readonly<Record<string, string>>;
    await (await world.leased.connect({ username, password })).end();
    const listed = await call(['GET', '/secrets/leases'], 'secret:read', bot);
    expect(JSON.stringify(listed.body)).not.toContain(password);
  });

  it('are visible and revocable within the institution, and for the operator', async () => {
    const { lease } = (await call(['POST', '/secrets/leases'], 'secret:use', bot, { role: 'quotes' })).body;
    const stranger = { id: 'service:stranger', institution: '213800CLEARINGFIRM02' };
    expect((await call(['GET', '/secrets/leases'], 'secret:read', stranger)).body).toEqual({ leases: [] });
    expect((await call(['GET', '/secrets/definitions'], 'secret:read', stranger)).body).toEqual({ definitions: [] });
    const revoke = (by: By) => call(['POST', `/secrets/leases/${lease}/revoke`], 'secret:revoke', by);
    expect(await revoke(stranger)).toMatchObject({ status: 404, body: { code: 'lease_unknown' } });
    const release = (by: By) => call(['POST', `/secrets/leases/${lease}/release`], 'secret:use', by);
    expect(await release({ id: 'service:colleague', institution: firm })).toMatchObject({ status: 404 });
    expect(await revoke(olga)).toMatchObject({ status: 200, body: { status: 'ended', ending: 'revoked' } });
    expect(await call(['POST', `/secrets/leases/${lease}/renew`], 'secret:use', bot)).toMatchObject({
      status: 409,
      body: { code: 'lease_over' },
    });
  });

  it.each([
    ['no lease', '/secrets/leases/x/renew'],
    ['no lease either', `/secrets/leases/${'0'.repeat(20)}.1/renew`],
    ['a slot in upper case', `/secrets/leases/${'A'.repeat(20)}.1/renew`],
    ['a generation of many digits', `/secrets/leases/${'0'.repeat(20)}.${'9'.repeat(30)}/renew`],
  ])('are not found under %s', async (_, path) => {
    expect(await call(['POST', path], 'secret:use', bot)).toMatchObject({
      status: 404,
      body: { code: 'lease_unknown' },
    });
  });

  it.each([
    ['another database', { database: 'payroll' }],
    ['a role of PostgreSQL itself', { member_of: ['pg_read_server_files'] }],
    ['its superuser', { member_of: ['postgres'] }],
    ['a leased credential', { member_of: ['cs_000000_x'] }],
    ['a name that would need quotes', { member_of: ['readers"; drop role x; --'] }],
    ['a longest life that is shorter', { max_ttl_seconds: 60 }],
  ])('cannot be defined with %s', async (_, change) => {
    const body = roleBody('wrong');
    const wrong = { ...body, role: { ...body.role, ...change } };
    expect(await call(['POST', '/secrets/roles/proposals'], 'secret:propose', olga, wrong)).toMatchObject({
      status: 400,
      body: { code: 'secret_definition_invalid' },
    });
  });

  it('cannot be keys of an address that the release does not list', async () => {
    const key = {
      ...{ name: 'main', holders: [bot.id], reason: 'needed', value: 'a-secret-of-the-venue' },
      venue_key: {
        ...{ venue: 'binance', venue_mic: 'BINA', algorithm: 'hmac', api_key: 'key', institution: firm },
        ...{ accounts: ['ACC-1'], symbols: [{ instrument: '4H95J0R2X', currency: 'USD', symbol: 'BTCUSDT' }] },
        probe: 'waived',
      },
    };
    for (const address of [
      ...['https://api.binance.com.evil.example', 'https://api.binance.com/x', 'https://api.binance.com@evil.example'],
      ...['http://api.binance.com', 'https://API.binance.com', 'http://127.0.0.1:80/x', 'https://evil.example'],
    ])
      expect(
        await call(['POST', '/secrets/venue-keys/proposals'], 'secret:propose', olga, {
          ...key,
          venue_key: { ...key.venue_key, base_url: address },
        }),
        address,
      ).toMatchObject({ status: 400, body: { code: 'secret_definition_invalid' } });
    const foreign = {
      ...key,
      venue_key: { ...key.venue_key, base_url: 'https://api.binance.com', algorithm: 'es256' },
    };
    expect(await call(['POST', '/secrets/venue-keys/proposals'], 'secret:propose', olga, foreign)).toMatchObject({
      status: 400,
    });
  });
});

describe('the broker over HTTP', () => {
  it('has no parameter for the path of an order or for octets to sign', async () => {
    for (const body of [
      { order: {}, path: '/sapi/v1/capital/withdraw/apply' },
      { order: {}, body: 'coin=BTC' },
      { order: {}, headers: {} },
      { payload: 'x' },
    ])
      expect(await call(['POST', '/venues/main/orders'], 'order:create', bot, body)).toMatchObject({ status: 400 });
    expect(await call(['POST', '/venues/main/orders'], 'order:create', bot, { order: {} })).toMatchObject({
      status: 404,
      body: { code: 'secret_unknown' },
    });
  });
});
