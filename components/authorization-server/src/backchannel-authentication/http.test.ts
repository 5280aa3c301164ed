import { developmentAcr, parsePrincipalId } from '@countersign/contracts';
import { newId, sha256Base64Url, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase, hiddenField, webBrowser } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerRoutes } from '../http.ts';
import { authorizationServerMigrations } from '../migrations.ts';
import { createHarness, type Harness, issuer } from '../testing/harness.ts';
import { venueOrders } from '../testing/trading-world.ts';

describe('an independent client (oauth4webapi) that uses CIBA', () => {
  let database: ScratchDatabase;
  let harness: Harness;
  let app: FastifyInstance;
  let base = '';
  /** Bodies of the ping requests that a client received. */
  const pinged: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations] });
    const anna = parsePrincipalId('person:anna.keller');
    if (anna === undefined) throw new Error('a fixture that its own parser refuses');
    // The client uses the real time, so the server's clock is the real one as well.
    const clock = { now: () => Date.now(), advance: () => undefined };
    const session = newId('session', { clock, random: systemRandom });
    const authTime = Math.floor(Date.now() / 1000);
    harness = createHarness({
      clock,
      pool: database.pool('authorization-server'),
      pingSecret: new Uint8Array(32).fill(7),
      outbound: {
        async post(_url, { body }) {
          pinged.push(body);
          return { status: 204 };
        },
      },
      authentication: {
        current: async () => ({ session, person: anna, acr: developmentAcr, amr: [], authTime, tier: 'order-entry' }),
      },
    });
    harness.world.changeClient('trading-desk', {
      grantTypes: ['urn:openid:params:grant-type:ciba'],
      backchannelDelivery: { mode: 'ping', endpoint: 'https://desk.example/ciba' },
    });
    app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
    authorizationServerRoutes(app, { authorizationServer: harness.server });
    base = await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await app.close();
    await harness.server.stop();
    await database.drop();
  });

  /** Routes the issuer's host name to the listening server, as DNS and a proxy would. */
  const options = {
    [oauth.customFetch]: (url: string, init: oauth.CustomFetchOptions<string, unknown>) =>
      fetch(url.replace(issuer, base), init as unknown as RequestInit),
  };
  const client: oauth.Client = { client_id: 'trading-desk' };
  const discover = async () =>
    oauth.processDiscoveryResponse(
      new URL(issuer),
      await oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: 'oauth2' }),
    );
  async function authentication() {
    const { kid, privateKey } = harness.world.clientKey('trading-desk');
    const key = await crypto.subtle.importKey(
      'jwk',
      privateKey.export({ format: 'jwk' }),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign'],
    );
    return { key, kid, method: oauth.PrivateKeyJwt({ key, kid }) };
  }

  it('finds the endpoint and the modes in the metadata', async () => {
    expect(await discover()).toMatchObject({
      backchannel_authentication_endpoint: `${issuer}/bc-authorize`,
      backchannel_token_delivery_modes_supported: ['poll', 'ping'],
      backchannel_user_code_parameter_supported: false,
      grant_types_supported: expect.arrayContaining(['urn:openid:params:grant-type:ciba']),
    });
  });

  it('is pinged after the person has allowed the request on the page, and gets its token', async () => {
    const server = await discover();
    const { key, kid, method } = await authentication();
    const parameters = {
      login_hint: 'person:anna.keller',
      scope: 'openid order:read',
      resource: venueOrders,
      binding_message: 'W4SCT',
      client_notification_token: '8d67dc78-7faa-4d41-aabd-67707b374255',
    };
    const request = await oauth.issueRequestObject(server, client, parameters, { key, kid });
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const answer = await oauth.processBackchannelAuthenticationResponse(
      server,
      client,
      await oauth.backchannelAuthenticationRequest(server, client, method, { request }, options),
    );
    expect(answer).toMatchObject({ expires_in: 300, interval: 5 });
    const poll = () =>
      oauth
        .backchannelAuthenticationGrantRequest(server, client, method, answer.auth_req_id, { ...options, DPoP })
        .then((response) => oauth.processBackchannelAuthenticationGrantResponse(server, client, response));
    await expect(poll()).rejects.toMatchObject({ error: 'authorization_pending', status: 400 });
    await expect(poll()).rejects.toMatchObject({ error: 'slow_down', status: 400 });

    const browser = webBrowser(app);
    const path = `/approvals/${sha256Base64Url(answer.auth_req_id)}`;
    const { body } = await browser.get(path);
    expect(body).toContain('W4SCT');
    const form = { csrf: hiddenField(body, 'csrf'), seen: hiddenField(body, 'seen'), decision: 'allow' };
    expect((await browser.post(path, form)).statusCode).toBe(303);
    await expect.poll(() => pinged).toEqual([JSON.stringify({ auth_req_id: answer.auth_req_id })]);

    const tokens = await poll();
    expect(tokens).toMatchObject({ token_type: 'dpop', scope: 'openid order:read' });
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: 'person:anna.keller', aud: 'trading-desk' });
    await expect(poll()).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
  });

  it('receives registered OAuth errors that may not be stored', async () => {
    const response = await fetch(`${base}/bc-authorize`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: harness.requestFor('trading-desk', { login_hint: 'person:anna.keller' }).body,
    });
    expect(response.status).toBe(400);
    expect(response.headers.get('cache-control')).toBe('no-store');
    // CIBA Core section 13: no members other than these. The reason is in a header.
    expect(await response.json()).toEqual({ error: 'invalid_request', error_description: expect.any(String) });
    expect(response.headers.get('countersign-reason')).toBe('signed_request_required');
  });

  it.each([
    ['by another method', { method: 'GET' }, 405, 'method_not_allowed'],
    ['with a body too large to read', { method: 'POST', body: `a=${'x'.repeat(600_000)}` }, 413, 'body_too_large'],
    ['with no client', { method: 'POST', body: 'request=x' }, 401, 'client_authentication_missing'],
  ] as const)('answers a request %s with registered members only', async (_what, init, status, reason) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(`${base}/bc-authorize`, { ...init, headers });
    expect(response.status).toBe(status);
    expect(Object.keys((await response.json()) as object).sort()).toEqual(['error', 'error_description']);
    expect(response.headers.get('countersign-reason')).toBe(reason);
  });
});
