import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import * as oauth from 'oauth4webapi';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerRoutes } from './http.ts';
import { createHarness, type Harness, issuer } from './testing/harness.ts';
import { clearingTrades, venueOrders } from './testing/trading-world.ts';

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const logger = createLogger({ level: 'silent', name: 'test' });

async function listen(harness: Harness): Promise<{ readonly app: FastifyInstance; readonly base: string }> {
  const app = createHttpServer({ logger, metrics: createMetrics() });
  authorizationServerRoutes(app, { authorizationServer: harness.server });
  return { app, base: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

describe('an independent client (oauth4webapi) over HTTP', () => {
  // The client has a clock of its own, so here the server's is the real one.
  const harness = createHarness({ now: () => Date.now(), advance: () => undefined });
  let app: FastifyInstance;
  let base = '';
  beforeAll(async () => {
    ({ app, base } = await listen(harness));
    harness.consentStore.change({ effectiveUntil: '2999-12-31T00:00:00Z' });
  });
  afterAll(() => app.close());

  /** The issuer's name leads to the listening server, as a name server and a proxy would have it. */
  const options = {
    [oauth.customFetch]: (url: string, init: oauth.CustomFetchOptions<string, unknown>) =>
      fetch(url.replace(issuer, base), init as unknown as RequestInit),
  };

  async function software(clientId: string) {
    const { kid, privateKey } = harness.world.clientKey(clientId);
    const key = await crypto.subtle.importKey(
      'jwk',
      privateKey.export({ format: 'jwk' }),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign'],
    );
    const client: oauth.Client = { client_id: clientId };
    return {
      client,
      authentication: oauth.PrivateKeyJwt({ key, kid }),
      DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')),
    };
  }

  const discover = async () =>
    oauth.processDiscoveryResponse(
      new URL(issuer),
      await oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: 'oauth2' }),
    );

  function order(): string {
    return harness.order({ not_after: new Date(Date.now() + 3_600_000).toISOString(), idempotency_key: 'order-http' });
  }

  it('discovers the server, gets a token for an intent, and exchanges it', async () => {
    const server = await discover();
    expect(server.token_endpoint).toBe(`${issuer}/token`);
    const engine = await software('vwap-engine');
    const parameters = { scope: 'order:create trade:read', resource: venueOrders, authorization_details: order() };
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      engine.client,
      engine.authentication,
      parameters,
      { ...options, DPoP: engine.DPoP },
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const first = await oauth.processClientCredentialsResponse(server, engine.client, response);
    expect(first).toMatchObject({
      token_type: 'dpop',
      expires_in: 300,
      scope: 'order:create trade:read',
      txn: expect.stringMatching(/^txn_/),
    });

    const gateway = await software('venue-gateway');
    const exchanged = await oauth.genericTokenEndpointRequest(
      server,
      gateway.client,
      gateway.authentication,
      exchangeGrant,
      {
        subject_token: first.access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: clearingTrades,
      },
      { ...options, DPoP: gateway.DPoP },
    );
    const second = await oauth.processGenericTokenEndpointResponse(server, gateway.client, exchanged);
    expect(second).toMatchObject({
      token_type: 'dpop',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'trade:read',
      txn: first['txn'],
    });
  });

  it('understands a refusal', async () => {
    const server = await discover();
    const engine = await software('vwap-engine');
    const parameters = { scope: 'order:create order:approve', resource: venueOrders };
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      engine.client,
      engine.authentication,
      parameters,
      { ...options, DPoP: engine.DPoP },
    );
    await expect(oauth.processClientCredentialsResponse(server, engine.client, response)).rejects.toMatchObject({
      error: 'invalid_scope',
      status: 400,
    });
  });

  it('is refused without a proof', async () => {
    const server = await discover();
    const engine = await software('vwap-engine');
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      engine.client,
      engine.authentication,
      { scope: 'order:read', resource: venueOrders },
      options,
    );
    await expect(oauth.processClientCredentialsResponse(server, engine.client, response)).rejects.toMatchObject({
      error: 'invalid_dpop_proof',
    });
  });
});

describe('the routes', () => {
  const open: FastifyInstance[] = [];
  afterEach(async () => {
    for (const app of open.splice(0)) await app.close();
  });
  async function start() {
    const harness = createHarness();
    const { app, base } = await listen(harness);
    open.push(app);
    const post = (body: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${base}/token`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      });
    return { ...harness, app, base, post };
  }

  it('answer an unauthenticated client with 401, and challenge only one that came with an Authorization header', async () => {
    const { post, clientCredentials, assertion } = await start();
    const form = clientCredentials({ client_assertion: assertion('vwap-engine', { aud: [issuer] }) });
    const refused = await post(form.body, { dpop: form.dpop[0] ?? '' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expect(await refused.json()).toEqual({
      error: 'invalid_client',
      error_description: expect.stringContaining('aud'),
      reason: 'client_assertion_audience',
    });
    const basic = await post(form.body, { authorization: 'Basic dndhcDpzZWNyZXQ=' });
    expect(basic.status).toBe(401);
    expect(basic.headers.get('www-authenticate')).toMatch(/^Basic /);
  });

  it('see a doubled DPoP header, which HTTP libraries like to join or drop', async () => {
    const { base, clientCredentials, proof, dpopKeyOf } = await start();
    const dpop = [proof(dpopKeyOf('vwap-engine')), proof(dpopKeyOf('vwap-engine'))];
    const headers = { 'content-type': 'application/x-www-form-urlencoded', dpop };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${base}/token`, { method: 'POST', headers }, resolve).on('error', reject).end(clientCredentials().body);
    });
    expect(answer.statusCode).toBe(400);
    expect(await json(answer)).toMatchObject({ error: 'invalid_dpop_proof', reason: 'proof_repeated' });
  });

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencodedx'])(
    'take no body of type %s',
    async (type) => {
      const { base, clientCredentials } = await start();
      const body =
        type === 'application/json' ? JSON.stringify({ grant_type: 'client_credentials' }) : clientCredentials().body;
      const refused = await fetch(`${base}/token`, { method: 'POST', body, headers: { 'content-type': type } });
      expect(refused.status).toBe(400);
    },
  );

  it('take a form with a charset', async () => {
    const { post, clientCredentials } = await start();
    const form = clientCredentials();
    const answer = await post(form.body, {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      dpop: form.dpop[0] ?? '',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('answer with 503, when to come again, and nothing else when the log cannot be written', async () => {
    const { post, clientCredentials, audit } = await start();
    audit.fail(true);
    const form = clientCredentials();
    const refused = await post(form.body, { dpop: form.dpop[0] ?? '' });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: expect.any(String),
      reason: 'log_unavailable',
    });
  });

  it('answer a fault of ours with 500 and no detail', async () => {
    const { post, clientCredentials, singleUse } = await start();
    singleUse.failWith(new Error('secret cause'));
    const form = clientCredentials();
    const failed = await post(form.body, { dpop: form.dpop[0] ?? '' });
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain('secret cause');
  });

  it('describe an error in the characters that RFC 6749 allows', async () => {
    const { post, clientCredentials } = await start();
    const form = clientCredentials({ scope: 'or"der\\:create' });
    const body = (await (await post(form.body, { dpop: form.dpop[0] ?? '' })).json()) as {
      error_description: string;
    };
    expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('publish the keys and the metadata, for a minute at most, and no private member', async () => {
    const { base } = await start();
    const keys = await fetch(`${base}/jwks`);
    expect(keys.headers.get('cache-control')).toBe('public, max-age=60');
    expect(keys.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    expect(await keys.json()).toEqual({
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: expect.any(String),
          y: expect.any(String),
          kid: expect.any(String),
          alg: 'ES256',
          use: 'sig',
        },
      ],
    });
    const metadata = await fetch(`${base}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer', exchangeGrant],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      dpop_signing_alg_values_supported: ['ES256', 'EdDSA', 'PS256'],
      authorization_details_types_supported: ['urn:countersign:rar:v1:trade_order'],
    });
  });
});
