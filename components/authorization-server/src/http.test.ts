import { type IncomingMessage, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { json } from 'node:stream/consumers';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createTestAuthority } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import * as oauth from 'oauth4webapi';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerRoutes } from './http.ts';
import { createHarness, type Harness, issuer } from './testing/harness.ts';
import { clearingTrades, ourDecisions, venueOrders } from './testing/trading-world.ts';

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const logger = createLogger({ level: 'silent', name: 'test' });

async function listen(harness: Harness): Promise<{ readonly app: FastifyInstance; readonly base: string }> {
  const app = createHttpServer({ logger, metrics: createMetrics() });
  authorizationServerRoutes(app, { authorizationServer: harness.server });
  return { app, base: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

describe('an independent client (oauth4webapi) over HTTP', () => {
  // The client uses the real time, so the server's clock is the real one as well.
  const harness = createHarness({ clock: { now: () => Date.now(), advance: () => undefined } });
  let app: FastifyInstance;
  let base = '';
  beforeAll(async () => {
    ({ app, base } = await listen(harness));
    harness.consentStore.change({ effectiveUntil: '2999-12-31T00:00:00Z' });
  });
  afterAll(() => app.close());

  /** Routes the issuer's host name to the listening server, as DNS and a proxy would. */
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

  it('reads a refusal', async () => {
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
  async function start(options: Parameters<typeof createHarness>[0] = {}) {
    const harness = createHarness(options);
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

  it('answer an unauthenticated client with 401, and send a challenge only if the request had an Authorization header', async () => {
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
    expect(refused.headers.get('countersign-reason')).toBe('client_assertion_audience');
    // RFC 6749 section 5.2: an unsupported method, and two methods at once.
    const basic = await post('grant_type=client_credentials', { authorization: 'Basic dndhcDpzZWNyZXQ=' });
    expect(basic.status).toBe(401);
    expect(basic.headers.get('www-authenticate')).toMatch(/^Basic /);
    const both = await post(form.body, { authorization: 'Basic dndhcDpzZWNyZXQ=' });
    expect(both.status).toBe(400);
    expect(await both.json()).toMatchObject({ error: 'invalid_request', reason: 'client_authentication_several' });
  });

  it('detect a duplicate DPoP header, which HTTP libraries tend to join or drop', async () => {
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
    'refuse a body of type %s',
    async (type) => {
      const { base, clientCredentials } = await start();
      const body =
        type === 'application/json' ? JSON.stringify({ grant_type: 'client_credentials' }) : clientCredentials().body;
      const refused = await fetch(`${base}/token`, { method: 'POST', body, headers: { 'content-type': type } });
      expect(refused.status).toBe(400);
    },
  );

  it('accept a form with a charset', async () => {
    const { post, clientCredentials } = await start();
    const form = clientCredentials();
    const answer = await post(form.body, {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      dpop: form.dpop[0] ?? '',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('answer with only 503 and Retry-After while the log cannot be written', async () => {
    const { post, clientCredentials, audit } = await start();
    audit.breakDown();
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

  it('answer an internal error with 500 and no detail', async () => {
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

  it('publish the public keys of every purpose that others verify, cached for at most a minute', async () => {
    const { base, signer } = await start();
    const keys = await fetch(`${base}/jwks`);
    expect(keys.headers.get('cache-control')).toBe('public, max-age=60');
    expect(keys.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    const published = (await keys.json()) as { readonly keys: readonly Record<string, unknown>[] };
    const rsa = published.keys.filter(({ kty }) => kty === 'RSA');
    expect(rsa.map(({ alg }) => alg).sort()).toEqual(['PS256', 'RS256']);
    for (const key of rsa) expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    expect(published.keys).toHaveLength(5);
    for (const key of published.keys.filter((each) => !rsa.includes(each)))
      expect(key).toEqual({
        kty: 'EC',
        crv: 'P-256',
        x: expect.any(String),
        y: expect.any(String),
        kid: expect.any(String),
        alg: 'ES256',
        use: 'sig',
      });
    const kids = published.keys.map(({ kid }) => kid);
    for (const { kid } of [...signer.keys, ...signer.idTokenKeys]) expect(kids).toContain(kid);
  });

  it('publish one metadata document for OAuth and OpenID Connect, without endpoints that are not mounted', async () => {
    const { base, app } = await start();
    const metadata = (await (await fetch(`${base}/.well-known/oauth-authorization-server`)).json()) as Record<
      string,
      unknown
    >;
    expect(await (await fetch(`${base}/.well-known/openid-configuration`)).json()).toEqual(metadata);
    expect(metadata).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      grant_types_supported: [
        'client_credentials',
        'authorization_code',
        'refresh_token',
        'urn:openid:params:grant-type:ciba',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
        exchangeGrant,
      ],
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      dpop_signing_alg_values_supported: ['ES256', 'EdDSA', 'PS256'],
      authorization_response_iss_parameter_supported: true,
    });
    expect(metadata['authorization_details_types_supported']).toContain('urn:countersign:rar:v1:trade_order');
    expect(metadata['authorization_details_types_supported']).not.toContain('urn:countersign:rar:v1:privileged_admin');
    expect(metadata['scopes_supported']).not.toContain('grant_management_query');
    expect(metadata).not.toHaveProperty('mtls_endpoint_aliases');
    for (const [name, url] of Object.entries(metadata)) {
      if (!name.endsWith('_endpoint') && name !== 'jwks_uri') continue;
      const { pathname } = new URL(String(url));
      const there = (['GET', 'POST'] as const).some((method) => app.hasRoute({ method, url: pathname }));
      expect([name, there]).toEqual([name, true]);
    }
  });

  it('describe each of our own interfaces and no other', async () => {
    const { base } = await start();
    const described = await fetch(`${base}/.well-known/oauth-protected-resource/decisions`);
    expect(described.status).toBe(200);
    expect(await described.json()).toMatchObject({
      resource: ourDecisions,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      dpop_bound_access_tokens_required: true,
    });
    for (const unknown of ['nothing', '..%2F..%2Forders', ''])
      expect((await fetch(`${base}/.well-known/oauth-protected-resource/${unknown}`)).status).toBe(404);
  });

  it('name the transaction only in a refusal that an approval would lift', async () => {
    const { post, clientCredentials, policyEngine, order } = await start();
    const ask = async () => {
      const form = clientCredentials({ authorization_details: order() });
      return (await post(form.body, { dpop: form.dpop[0] ?? '' })).json();
    };
    const reason = { code: 'approval_new_destination', detail: 'Two people have to agree.' };
    policyEngine.denyWith(reason, [{ kind: 'approval', role: 'operations', count: 2, escalation: [] }]);
    const refused = await ask();
    expect(refused).toMatchObject({
      error: 'access_denied',
      reason: reason.code,
      txn: expect.stringMatching(/^txn_/),
    });
    // If nothing would help, the response names no transaction.
    policyEngine.denyWith(reason);
    expect(await ask()).not.toHaveProperty('txn');
    // After the approval, the same intent is the same transaction.
    policyEngine.denyWith(undefined);
    expect(await ask()).toMatchObject({ txn: (refused as { readonly txn: string }).txn });
  });

  it('refuse an oversized form with 413', async () => {
    const { post, clientCredentials } = await start();
    const form = clientCredentials();
    const refused = await post(`${form.body}&x=${'x'.repeat(70_000)}`, { dpop: form.dpop[0] ?? '' });
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ error: 'invalid_request', reason: 'form_too_large' });
  });

  it('answer too many failed authentications with 429 and Retry-After', async () => {
    const { post, clientCredentials, audit } = await start({ config: { failedAuthenticationsPerMinute: 3 } });
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      const form = clientCredentials({ client_assertion: 'x' });
      statuses.push((await post(form.body, { dpop: form.dpop[0] ?? '' })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect(audit.records).toHaveLength(3);
    const form = clientCredentials({ client_assertion: 'x' });
    const refused = await post(form.body, { dpop: form.dpop[0] ?? '' });
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(await refused.json()).toMatchObject({ error: 'too_many_requests', reason: 'authentication_failures' });
  });

  it('send a nonce with every answer of a client endpoint if nonces are on, and none if they are off', async () => {
    const on = await start({ config: { dpopNonce: 'required' }, nonceSecret: Buffer.alloc(32, 9) });
    const form = on.clientCredentials();
    const asked = await on.post(form.body, { dpop: form.dpop[0] ?? '' });
    expect(asked.status).toBe(400);
    expect(await asked.json()).toMatchObject({ error: 'use_dpop_nonce' });
    const nonce = asked.headers.get('dpop-nonce') ?? '';
    expect(nonce).not.toBe('');
    const proof = on.proof(on.dpopKeyOf('vwap-engine'), { nonce });
    const answer = await on.post(on.clientCredentials().body, { dpop: proof });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('dpop-nonce')).toBe(nonce);
    for (const path of ['par', 'introspect', 'revoke']) {
      const refused = await fetch(`${on.base}/${path}`, { method: 'POST' });
      expect([path, refused.status, refused.headers.get('dpop-nonce')]).toEqual([path, 400, nonce]);
    }
    const off = await start();
    const plain = off.clientCredentials();
    expect((await off.post(plain.body, { dpop: plain.dpop[0] ?? '' })).headers.get('dpop-nonce')).toBeNull();
  });
});

describe('the listener for mutual TLS', () => {
  const authority = createTestAuthority({ name: 'Members CA' });
  const hostName = 'localhost';
  const own = authority.issue({ subject: 'CN=engine', sans: { dns: ['engine.example'] } });
  const serverCertificate = authority.issue({ subject: `CN=${hostName}`, sans: { dns: [hostName] } });
  const open: FastifyInstance[] = [];
  afterEach(async () => {
    for (const app of open.splice(0)) await app.close();
  });

  async function listenTls() {
    const mtlsBaseUrl = 'https://mtls.as.example';
    const harness = createHarness({ config: { mtlsBaseUrl } });
    harness.world.changeClient('vwap-engine', {
      authentication: { method: 'tls_client_auth', name: { kind: 'san_dns', value: 'engine.example' } },
      binding: 'mtls',
    });
    const app = createHttpServer({
      logger,
      metrics: createMetrics(),
      tls: {
        certificate: serverCertificate.certificatePem,
        key: serverCertificate.privateKeyPem,
        clientCertificates: { authorities: authority.certificatePem },
      },
    });
    open.push(app);
    authorizationServerRoutes(app, { authorizationServer: harness.server, baseUrl: mtlsBaseUrl });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const post = async (body: string, headers: Readonly<Record<string, string>> = {}, shown = own) => {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        tlsRequest(
          {
            host: '127.0.0.1',
            port,
            servername: hostName,
            path: '/token',
            method: 'POST',
            ca: authority.certificatePem,
            cert: shown.certificatePem,
            key: shown.privateKeyPem,
            agent: false,
            headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          },
          resolve,
        )
          .on('error', reject)
          .end(body);
      });
      return { status: answer.statusCode, body: (await json(answer)) as Record<string, unknown> };
    };
    const form = {
      grant_type: 'client_credentials',
      scope: 'order:read',
      resource: venueOrders,
      client_assertion: undefined,
      client_assertion_type: undefined,
      client_id: 'vwap-engine',
    };
    return { ...harness, app, post, body: harness.requestFor('vwap-engine', form).body };
  }

  it('takes the certificate from the handshake and binds the token to it', async () => {
    const { post, body } = await listenTls();
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    const [, payload = ''] = String(answer.body['access_token']).split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).toMatchObject({
      cnf: { 'x5t#S256': own.thumbprint },
    });
  });

  it('refuses a certificate of another authority, and one sent in a header', async () => {
    const { post, body } = await listenTls();
    const stranger = createTestAuthority({ name: 'Others CA' }).issue({
      subject: 'CN=engine',
      sans: { dns: ['engine.example'] },
    });
    expect(await post(body, {}, stranger)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client', reason: 'client_certificate_untrusted' },
    });
    const header = { 'client-cert': `:${own.der.toString('base64')}:` };
    expect(await post(body, header, stranger)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', reason: 'client_certificate_header_untrusted' },
    });
  });

  it('compares a proof with its own address', async () => {
    const { post, world, requestFor, proof, dpopKeyOf } = await listenTls();
    world.changeClient('vwap-engine', { authentication: { method: 'private_key_jwt' }, binding: 'dpop' });
    const form = { grant_type: 'client_credentials', scope: 'order:read', resource: venueOrders };
    const key = dpopKeyOf('vwap-engine');
    expect(await post(requestFor('vwap-engine', form).body, { dpop: proof(key) })).toMatchObject({
      status: 400,
      body: { reason: 'proof_url' },
    });
    const right = proof(key, { htu: 'https://mtls.as.example/token' });
    expect(await post(requestFor('vwap-engine', form).body, { dpop: right })).toMatchObject({ status: 200 });
  });

  it('is named in the metadata and shows no page to a browser', async () => {
    const { server, app } = await listenTls();
    expect(server.metadata()).toMatchObject({
      token_endpoint: `${issuer}/token`,
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'],
      tls_client_certificate_bound_access_tokens: true,
      mtls_endpoint_aliases: { token_endpoint: 'https://mtls.as.example/token' },
    });
    expect(app.hasRoute({ method: 'GET', url: '/authorize' })).toBe(false);
    expect(app.hasRoute({ method: 'POST', url: '/par' })).toBe(true);
  });
});
