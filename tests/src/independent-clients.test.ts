import { createLocalJWKSet, createRemoteJWKSet, importJWK, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { accessTokenType, exchangeGrant } from './testing/credentials.ts';
import { type ClientName, doors, leis } from './testing/firms.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { algorithmic, openTrading, type Trading } from './testing/trading.ts';

// Independent clients: they test the standards, not our reading of them.

const folder = scratchFolder();
let controlPlane: RunningControlPlane;
let trading: Trading;
let order: ReturnType<Trading['order']>;

beforeAll(async () => {
  controlPlane = await runControlPlane(await configurationIn(folder.path));
  trading = await openTrading(controlPlane);
  const { mandate } = await trading.grantMandates();
  order = trading.order(mandate, algorithmic);
});
afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  folder.remove();
});

async function keyOf(name: ClientName): Promise<oauth.PrivateKey> {
  const { privateJwk, kid } = trading.firms.key(name);
  const key = await importJWK({ ...privateJwk }, 'ES256');
  if (key instanceof Uint8Array) throw new Error('a private key that is none');
  return { key, kid };
}

const orderRequest = () => ({
  resource: doors.broker,
  scope: 'order:create settlement:instruct',
  authorization_details: JSON.stringify([order]),
});
const exchangeRequest = (subjectToken: string) => ({
  subject_token: subjectToken,
  subject_token_type: accessTokenType,
  resource: doors.clearing,
  scope: 'settlement:instruct',
  authorization_details: JSON.stringify([{ ...order, actions: ['clear', 'settle'], locations: [doors.clearing] }]),
});

describe('openid-client', () => {
  const discover = async (name: ClientName): Promise<client.Configuration> =>
    client.discovery(new URL(controlPlane.issuer), name, {}, client.PrivateKeyJwt(await keyOf(name)), {
      algorithm: 'oauth2',
      execute: [client.allowInsecureRequests],
    });

  it('discovers the server, gets a token with private_key_jwt and DPoP, exchanges it, and calls an interface', async () => {
    const agent = await discover('ha-vwap-1');
    expect(agent.serverMetadata().issuer).toBe(controlPlane.issuer);
    const agentProof = client.getDPoPHandle(agent, await client.randomDPoPKeyPair('ES256'));
    const token = await client.clientCredentialsGrant(agent, orderRequest(), { DPoP: agentProof });
    expect(token).toMatchObject({ token_type: 'dpop', scope: 'order:create settlement:instruct' });
    expect(token.expires_in).toBeLessThanOrEqual(300);

    const broker = await discover('brk-orders');
    const brokerProof = client.getDPoPHandle(broker, await client.randomDPoPKeyPair('ES256'));
    const exchanged = await client.genericGrantRequest(broker, exchangeGrant, exchangeRequest(token.access_token), {
      DPoP: brokerProof,
    });
    expect(exchanged).toMatchObject({
      token_type: 'dpop',
      issued_token_type: accessTokenType,
      scope: 'settlement:instruct',
    });

    const resource = `${controlPlane.issuer}/decisions`;
    const own = await client.clientCredentialsGrant(
      broker,
      { resource, scope: 'decision:evaluate' },
      { DPoP: brokerProof },
    );
    const answer = await client.fetchProtectedResource(
      broker,
      own.access_token,
      new URL(`${controlPlane.issuer}/decisions/policy`),
      'GET',
      undefined,
      undefined,
      { DPoP: brokerProof },
    );
    expect(answer.status).toBe(200);
  });

  it('sees that only one client may exchange a token, and no other can', async () => {
    const name = (service: string) =>
      controlPlane.operator.call('directory', 'directory:apply', {
        method: 'POST',
        path: '/directory/apply',
        body: {
          services: [{ id: 'service:brk-books', institution: leis.broker, roles: [] }],
          resources: [
            {
              uri: doors.broker,
              institution: leis.broker,
              scopes: ['order:create', 'settlement:instruct'],
              may_act: service,
            },
          ],
        },
      });
    const agent = await discover('ha-vwap-1');
    const agentProof = client.getDPoPHandle(agent, await client.randomDPoPKeyPair('ES256'));
    const issue = () => client.clientCredentialsGrant(agent, orderRequest(), { DPoP: agentProof });
    const broker = await discover('brk-orders');
    const DPoP = client.getDPoPHandle(broker, await client.randomDPoPKeyPair('ES256'));
    const exchange = (token: string) =>
      client.genericGrantRequest(broker, exchangeGrant, exchangeRequest(token), { DPoP });

    await name('service:brk-orders');
    const { access_token: own } = await issue();
    expect(await client.tokenIntrospection(broker, own)).toMatchObject({
      active: true,
      may_act: { sub: 'service:brk-orders' },
    });
    expect(await exchange(own)).toMatchObject({ token_type: 'dpop', scope: 'settlement:instruct' });

    await name('service:brk-books');
    const { access_token: another } = await issue();
    expect(await client.tokenIntrospection(broker, another)).toMatchObject({ may_act: { sub: 'service:brk-books' } });
    for (const token of [own, another])
      await expect(exchange(token)).rejects.toMatchObject({
        error: 'invalid_request',
        cause: { reason: 'actor_not_allowed' },
      });
    await name('service:brk-orders');
  });

  it('understands a refusal as an OAuth error', async () => {
    const agent = await discover('ha-vwap-1');
    const DPoP = client.getDPoPHandle(agent, await client.randomDPoPKeyPair('ES256'));
    const asked = client.clientCredentialsGrant(agent, { ...orderRequest(), scope: 'settlement:release' }, { DPoP });
    await expect(asked).rejects.toMatchObject({ error: 'invalid_scope' });
  });
});

describe('oauth4webapi', () => {
  const insecure = { [oauth.allowInsecureRequests]: true };

  it('discovers the server, gets a token with private_key_jwt and DPoP, and exchanges it', async () => {
    const issuer = new URL(controlPlane.issuer);
    const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
    const server = await oauth.processDiscoveryResponse(issuer, response);

    const agent: oauth.Client = { client_id: 'ha-vwap-1' };
    const agentProof = oauth.DPoP(agent, await oauth.generateKeyPair('ES256'));
    const authentication = oauth.PrivateKeyJwt(await keyOf('ha-vwap-1'));
    const parameters = new URLSearchParams(orderRequest());
    const answer = await oauth.clientCredentialsGrantRequest(server, agent, authentication, parameters, {
      DPoP: agentProof,
      ...insecure,
    });
    const token = await oauth.processClientCredentialsResponse(server, agent, answer);
    expect(token.token_type).toBe('dpop');

    const broker: oauth.Client = { client_id: 'brk-orders' };
    const exchange = await oauth.genericTokenEndpointRequest(
      server,
      broker,
      oauth.PrivateKeyJwt(await keyOf('brk-orders')),
      exchangeGrant,
      new URLSearchParams(exchangeRequest(token.access_token)),
      { DPoP: oauth.DPoP(broker, await oauth.generateKeyPair('ES256')), ...insecure },
    );
    const exchanged = await oauth.processGenericTokenEndpointResponse(server, broker, exchange);
    expect(exchanged).toMatchObject({ token_type: 'dpop', scope: 'settlement:instruct' });
  });
});

describe('jose', () => {
  it('verifies a token with the published keys, and refuses an altered one', async () => {
    const { accessToken } = await trading.agentToken(order);
    const keys = createRemoteJWKSet(new URL(`${controlPlane.issuer}/jwks`));
    const expected = { issuer: controlPlane.issuer, audience: doors.broker, typ: 'at+jwt', algorithms: ['ES256'] };
    const { payload } = await jwtVerify(accessToken, keys, expected);
    expect(payload).toMatchObject({ sub: 'agent:ha-vwap-1', client_id: 'ha-vwap-1' });

    const [header, claims, signature] = accessToken.split('.');
    const widened = Buffer.from(JSON.stringify({ ...payload, scope: 'settlement:release' })).toString('base64url');
    await expect(jwtVerify(`${header}.${widened}.${signature}`, keys, expected)).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    });
    await expect(
      jwtVerify(`${header}.${claims}.${signature}`, keys, { ...expected, audience: doors.venue }),
    ).rejects.toThrow();
  });

  it('finds only public keys in the key set, each with its algorithm and use', async () => {
    const set = (await (await fetch(`${controlPlane.issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
    expect(set.keys.length).toBeGreaterThan(0);
    for (const key of set.keys) {
      expect(key).toMatchObject({ use: 'sig', kid: expect.any(String) });
      expect([key['kty'], key['alg']].join(' ')).toMatch(/^(?:EC ES256|RSA PS256|RSA RS256)$/);
      for (const secret of ['d', 'p', 'q']) expect(Object.keys(key)).not.toContain(secret);
    }
    expect(() => createLocalJWKSet(set)).not.toThrow();
  });
});
