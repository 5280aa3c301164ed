import { createHash } from 'node:crypto';
import { newId, toInstant } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { createConsents, detailsOf } from '../testing/consents.ts';
import { createHarness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, venueOrders } from '../testing/trading-world.ts';
import { createGrantManagement, grantManagementMetadata } from './grant-management.ts';
import { grantManagementRoutes } from './http.ts';

let database: ScratchDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ components: [authorizationServerMigrations] });
});
afterAll(() => database.drop());

const audience = `${issuer}/grants`;
let seed = 0;

/** The caller: the trading desk for Anna, unless a test says otherwise. */
interface By {
  readonly client?: string;
  readonly subject?: string;
  readonly scope?: string;
  readonly audience?: string;
}

function start() {
  seed += 1;
  const pool = database.pool('authorization-server', { maxConnections: 3 });
  const harness = createHarness({ pool, seed: `grants ${seed}`, config: { grantManagement: 'draft-03' } });
  const consents = createConsents(harness, pool);
  const { clock, random, audit, world, consentStore, revocations } = harness;
  const { grants } = consentStore;
  const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  grantManagementRoutes(app, {
    grantManagement: createGrantManagement({
      ...{ issuer, grants, revocations, audit, clock, random },
      directory: world.directory,
    }),
    guard: harness.server.guard(audience),
    baseUrl: issuer,
  });

  async function ask(method: 'GET' | 'DELETE', grantId: string, by: By = {}): Promise<LightMyRequestResponse> {
    const client = by.client ?? 'trading-desk';
    const key = harness.dpopKeyOf(client);
    const url = `${audience}/${grantId}`;
    const token = harness.mint({
      iss: issuer,
      sub: by.subject ?? 'person:anna.keller',
      act: { sub: world.directory.snapshot().client(client)?.principal },
      aud: by.audience ?? audience,
      client_id: client,
      iat: harness.seconds(),
      exp: harness.seconds() + 300,
      jti: newId('token', { clock, random }),
      scope: by.scope ?? (method === 'GET' ? 'grant_management_query' : 'grant_management_revoke'),
      cnf: { jkt: key.kid },
      lei: broker,
      policy_version: 1,
      evidence: newId('record', { clock, random }),
      ...(by.subject?.startsWith('service:') ? { act: undefined } : {}),
    });
    const ath = createHash('sha256').update(token).digest('base64url');
    return app.inject({
      method,
      url: `/grants/${grantId}`,
      headers: { authorization: `DPoP ${token}`, dpop: harness.proof(key, { htm: method, htu: url, ath }) },
    });
  }

  return { ...harness, ...consents, grants, ask };
}

const unknown = { error: 'invalid_grant_id', reason: 'grant_unknown' };

describe('querying a grant', () => {
  it('returns what was allowed and until when, and nothing about the person', async () => {
    const { give, ask, order, clock, seconds } = start();
    const details = detailsOf(order());
    const grant = await give({
      details,
      scopes: ['openid', 'grant_management_query', 'order:create', 'order:read'],
      expiresAt: toInstant(clock.now() + 86_400_000),
    });
    const response = await ask('GET', grant.id);
    expect(response.statusCode).toBe(200);
    expect(response.headers['cache-control']).toBe('no-cache, no-store');
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.json()).toEqual({
      scopes: [{ scope: 'order:create order:read', resource: [venueOrders] }, { scope: 'openid' }],
      authorization_details: details,
      last_updated_at: seconds(),
      expires_at: seconds() + 86_400,
    });
    expect(response.body).not.toMatch(/anna|phr|hwk|ses_/);
  });

  it('returns the current terms after the grant was replaced', async () => {
    const { give, ask, grants, proposal } = start();
    const grant = await give();
    await grants.change(grant.id, 'replace', proposal({ scopes: ['order:read'] }));
    expect((await ask('GET', grant.id)).json()).toMatchObject({
      scopes: [{ scope: 'order:read', resource: [venueOrders] }],
    });
  });

  it('also works for a client under its own authority', async () => {
    const { give, ask } = start();
    const grant = await give();
    expect((await ask('GET', grant.id, { subject: 'service:trading-desk' })).statusCode).toBe(200);
  });
});

describe('a grant that the caller may not see', () => {
  it('is unknown, whether it belongs to another client or person, has ended, or never existed', async () => {
    const { give, ask, grants, audit, clock, random } = start();
    const [grant, revoked] = [await give(), await give()];
    await grants.revoke(revoked.id, { id: 'person:anna.keller' }, 'test');
    const expired = await give({ expiresAt: toInstant(clock.now()) });
    const attempts: readonly (readonly [string, By, string])[] = [
      [grant.id, { client: 'order-desk', subject: 'service:order-desk' }, 'grant_foreign'],
      [grant.id, { client: 'order-desk' }, 'grant_foreign'],
      [grant.id, { subject: 'person:carl.otto' }, 'grant_foreign'],
      [grant.id, { subject: 'service:order-desk' }, 'grant_foreign'],
      [revoked.id, {}, 'grant_ended'],
      [expired.id, {}, 'grant_ended'],
      [newId('grant', { clock, random }), {}, 'grant_unknown'],
      ['none', {}, 'grant_unknown'],
      ['x'.repeat(400), {}, 'grant_unknown'],
    ];
    const bodies = new Set<string>();
    for (const method of ['GET', 'DELETE'] as const)
      for (const [id, by, reason] of attempts) {
        const response = await ask(method, id, by);
        expect(response.statusCode).toBe(404);
        expect(response.json()).toMatchObject(unknown);
        bodies.add(response.body);
        expect(audit.last()).toMatchObject({
          type: 'access.refused',
          outcome: 'deny',
          reason,
          client: by.client ?? 'trading-desk',
          audience: [audience],
          data: { operation: method === 'GET' ? 'grant:query' : 'grant:revoke' },
        });
      }
    expect(bodies.size).toBe(1);
    expect(await grants.find(grant.id)).toEqual(grant);
  });

  it('gets no answer if the refusal cannot be recorded', async () => {
    const { ask, audit } = start();
    audit.breakDown();
    expect((await ask('GET', 'none')).statusCode).toBe(503);
  });
});

describe('revoking a grant', () => {
  it('ends it together with every token issued under it', async () => {
    const { give, ask, grants, server, redeem, refresh, codeFor, resourceRequest } = start();
    const grant = await give();
    const issued = await server.token(redeem(await codeFor(grant, { resource: venueOrders })));
    const venue = server.guard(venueOrders);
    const use = () =>
      venue.check(resourceRequest(issued.access_token, 'trading-desk', venueOrders), { scope: 'order:read' });
    expect(await refusalOf(use())).toMatchObject({ code: 'released' });

    const response = await ask('DELETE', grant.id);
    expect({ status: response.statusCode, body: response.body }).toEqual({ status: 204, body: '' });
    expect(await grants.find(grant.id)).toMatchObject({ status: 'revoked' });
    expect(await refusalOf(server.token(refresh(issued.refresh_token)))).toMatchObject({ reason: 'grant_ended' });
    expect(await refusalOf(use())).toMatchObject({ code: 'token_revoked' });
    expect((await ask('GET', grant.id)).statusCode).toBe(404);
    expect((await ask('DELETE', grant.id)).statusCode).toBe(404);
  });

  it('ends only this grant among those of the same client and person', async () => {
    const { give, ask, revocations } = start();
    const [grant, other] = [await give(), await give()];
    await ask('DELETE', grant.id);
    expect(revocations.ended).toEqual([{ kind: 'grant', id: grant.id }]);
    expect((await ask('GET', other.id)).statusCode).toBe(200);
  });

  it('is idempotent, also when repeated simultaneously', async () => {
    const { give, ask, grants } = start();
    const grant = await give();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('DELETE', grant.id)));
    for (const { statusCode } of answers) expect([204, 404]).toContain(statusCode);
    expect(answers.some(({ statusCode }) => statusCode === 204)).toBe(true);
    expect(await grants.find(grant.id)).toMatchObject({ status: 'revoked' });
  });
});

describe('the access token of the grant management API', () => {
  it.each<['GET' | 'DELETE', By, number, string]>([
    ['GET', { scope: 'grant_management_revoke' }, 403, 'insufficient_scope'],
    ['DELETE', { scope: 'grant_management_query' }, 403, 'insufficient_scope'],
    ['DELETE', { scope: 'openid' }, 403, 'insufficient_scope'],
    ['GET', { audience: `${issuer}/mandates` }, 401, 'token_audience'],
  ])('%s with %j is refused', async (method, by, status, code) => {
    const { give, ask, grants } = start();
    const grant = await give();
    const response = await ask(method, grant.id, by);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ code });
    expect(await grants.find(grant.id)).toEqual(grant);
  });
});

describe('merge and replace', () => {
  it.each(['merge', 'replace'] as const)('%s ends the earlier refresh tokens', async (how) => {
    const { give, grants, proposal, server, redeem, refresh, codeFor } = start();
    const grant = await give();
    const before = await server.token(redeem(await codeFor(grant)));
    const changed = await grants.change(grant.id, how, proposal());
    expect(await refusalOf(server.token(refresh(before.refresh_token)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_superseded',
    });
    const after = await server.token(redeem(await codeFor(changed)));
    expect(after.grant_id).toBe(grant.id);
    expect(await refusalOf(server.token(refresh(after.refresh_token)))).toMatchObject({ code: 'released' });
  });
});

describe('the metadata of the server', () => {
  it('names the endpoint and its supported actions', () => {
    expect(grantManagementMetadata(issuer)).toEqual({
      grant_management_endpoint: audience,
      grant_management_actions_supported: ['query', 'revoke', 'create', 'merge', 'replace'],
      grant_management_action_required: false,
    });
  });
});
