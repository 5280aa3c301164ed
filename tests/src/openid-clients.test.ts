import { importJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { doors } from './testing/firms.ts';
import { personBrowser } from './testing/person-browser.ts';
import {
  createCertificates,
  dashboardRedirectUri,
  fetchWith,
  redirectUri,
  registerRelyingParties,
  withMutualTls,
} from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, openTrading, type Trading } from './testing/trading.ts';

// People sign in, and independent software gets tokens for them: FAPI 2.0 with DPoP and with mutual TLS, Message Signing, and
// plain OpenID Connect.

const folder = scratchFolder();
const certificates = createCertificates();
let controlPlane: RunningControlPlane;
let trading: Trading;
let parties: Awaited<ReturnType<typeof registerRelyingParties>>;
let mandate: Awaited<ReturnType<Trading['grantMandates']>>['mandate'];

beforeAll(async () => {
  controlPlane = await runControlPlane(await withMutualTls(await configurationIn(folder.path), certificates));
  trading = await openTrading(controlPlane);
  ({ mandate } = await trading.grantMandates());
  parties = await registerRelyingParties(controlPlane, trading, certificates);
});
afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  folder.remove();
});

type Party = Parameters<(typeof parties)['keyOf']>[0];

async function privateKeyOf(name: Party): Promise<oauth.PrivateKey & { readonly kid: string }> {
  const { privateJwk, kid } = parties.keyOf(name);
  const key = await importJWK({ ...privateJwk }, 'ES256');
  if (key instanceof Uint8Array) throw new Error('a private key that is none');
  return { key, kid };
}

/** A configuration of openid-client: with a key, or with a certificate on the second listener. */
async function configured(
  name: Party,
  own?: { readonly certificatePem: string; readonly privateKeyPem: string },
  metadata: Partial<client.ClientMetadata> = {},
): Promise<client.Configuration> {
  const authentication = own === undefined ? client.PrivateKeyJwt(await privateKeyOf(name)) : client.TlsClientAuth();
  return client.discovery(
    new URL(controlPlane.issuer),
    name,
    { use_mtls_endpoint_aliases: own !== undefined, id_token_signed_response_alg: 'ES256', ...metadata },
    authentication,
    { execute: [client.allowInsecureRequests], [client.customFetch]: fetchWith(certificates, own) as never },
  );
}

const order = () => trading.order(mandate);

/** The whole flow for a person who consents, up to the response at the redirect URI. */
async function allow(
  configuration: client.Configuration,
  parameters: Readonly<Record<string, string>>,
  options: { readonly DPoP?: client.DPoPHandle; readonly sign?: oauth.PrivateKey } = {},
) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const full = {
    redirect_uri: redirectUri,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    ...parameters,
  };
  const { DPoP, sign } = options;
  let asked: Record<string, string> | URLSearchParams = full;
  if (sign !== undefined) {
    const withRequest = await client.buildAuthorizationUrlWithJAR(configuration, full, sign, {
      [oauth.modifyAssertion]: (_header, payload) => {
        // FAPI 2.0 Message Signing section 5.3.1: a request object has nbf and exp.
        payload['nbf'] = Math.floor(Date.now() / 1000);
        payload['exp'] = Math.floor(Date.now() / 1000) + 60;
      },
    });
    asked = withRequest.searchParams;
  }
  const url = await client.buildAuthorizationUrlWithPAR(configuration, asked, DPoP === undefined ? {} : { DPoP });
  const answer = await personBrowser(controlPlane.issuer).authorize(url, { person: trading.firms.people.trader.id });
  return { answer, checks: { pkceCodeVerifier, expectedState } };
}

describe('openid-client at FAPI 2.0', () => {
  it('with private_key_jwt and DPoP: gets a token for exactly the intent that its person allowed, and refreshes it', async () => {
    const configuration = await configured('desk-dpop');
    const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'));
    const intent = order();
    const { answer, checks } = await allow(
      configuration,
      {
        scope: 'openid offline_access order:create',
        resource: doors.broker,
        authorization_details: JSON.stringify([intent]),
      },
      { DPoP },
    );
    const tokens = await client.authorizationCodeGrant(configuration, answer, checks, {}, { DPoP });
    expect(tokens).toMatchObject({ token_type: 'dpop', scope: 'openid offline_access order:create' });
    expect(tokens.claims()).toMatchObject({ sub: 'person:anna.keller', acr: 'urn:countersign:acr:development' });
    expect(claimsOf({ accessToken: tokens.access_token })).toMatchObject({
      sub: 'person:anna.keller',
      aud: doors.broker,
      scope: 'order:create',
      act: { sub: 'service:desk-dpop' },
      txn: expect.any(String),
      mandate: { id: mandate, version: expect.any(Number) },
      authorization_details: [intent],
    });
    if (tokens.refresh_token === undefined) throw new Error('no refresh token');
    for (const _ of [1, 2]) {
      const again = await client.refreshTokenGrant(
        configuration,
        tokens.refresh_token,
        { resource: doors.broker, scope: 'order:create' },
        { DPoP },
      );
      expect(again).toMatchObject({ token_type: 'dpop' });
      expect(again.refresh_token).toBeUndefined();
    }
    await client.tokenRevocation(configuration, tokens.refresh_token);
    await expect(client.refreshTokenGrant(configuration, tokens.refresh_token, {}, { DPoP })).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it.each([
    ['tls_client_auth', 'desk-mtls', certificates.issued],
    ['self_signed_tls_client_auth', 'desk-self', certificates.selfSigned],
  ] as const)('with %s: gets a token bound to its certificate', async (_method, name, own) => {
    const configuration = await configured(name, own);
    const { answer, checks } = await allow(configuration, {
      scope: 'openid offline_access order:create',
      resource: doors.broker,
      authorization_details: JSON.stringify([order()]),
    });
    const tokens = await client.authorizationCodeGrant(configuration, answer, checks);
    expect(tokens.token_type).toBe('bearer');
    expect(claimsOf({ accessToken: tokens.access_token })).toMatchObject({ cnf: { 'x5t#S256': own.thumbprint } });
    if (tokens.refresh_token === undefined) throw new Error('no refresh token');
    const userinfoToken = await client.refreshTokenGrant(configuration, tokens.refresh_token, {
      resource: `${controlPlane.issuer}/userinfo`,
      scope: 'openid',
    });
    const about = await client.fetchUserInfo(configuration, userinfoToken.access_token, 'person:anna.keller');
    expect(about.sub).toBe('person:anna.keller');
  });

  it('with Message Signing: a signed request, a signed response, and a signed introspection', async () => {
    const configuration = await configured('desk-signed', undefined, {
      authorization_signed_response_alg: 'ES256',
    });
    client.useJwtResponseMode(configuration);
    const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'));
    const { answer, checks } = await allow(
      configuration,
      {
        scope: 'openid order:create',
        resource: doors.broker,
        authorization_details: JSON.stringify([order()]),
      },
      { DPoP, sign: await privateKeyOf('desk-signed') },
    );
    expect([...answer.searchParams.keys()]).toEqual(['response']);
    const tokens = await client.authorizationCodeGrant(configuration, answer, checks, {}, { DPoP });
    expect(tokens.claims()?.sub).toBe('person:anna.keller');

    // The broker, whose interface the token is for, introspects it and requests a signed answer.
    const { privateJwk, kid } = trading.firms.key('brk-orders');
    const key = await importJWK({ ...privateJwk }, 'ES256');
    if (key instanceof Uint8Array) throw new Error('a private key that is none');
    const broker: oauth.Client = { client_id: 'brk-orders', introspection_signed_response_alg: 'ES256' };
    const insecure = { [oauth.allowInsecureRequests]: true };
    const server = configuration.serverMetadata() as oauth.AuthorizationServer;
    const asked = await oauth.introspectionRequest(
      server,
      broker,
      oauth.PrivateKeyJwt({ key, kid }),
      tokens.access_token,
      { requestJwtResponse: true, ...insecure },
    );
    const told = await oauth.processIntrospectionResponse(server, broker, asked);
    await oauth.validateApplicationLevelSignature(server, asked, insecure);
    expect(told).toMatchObject({
      active: true,
      sub: 'person:anna.keller',
      act: { sub: 'service:desk-signed' },
      token_type: 'DPoP',
    });
  });

  it('receives the person’s refusal, and login_required if no page may be shown', async () => {
    const configuration = await configured('desk-dpop');
    const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'));
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const push = async (extra: Record<string, string> = {}) =>
      client.buildAuthorizationUrlWithPAR(
        configuration,
        {
          redirect_uri: redirectUri,
          code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
          code_challenge_method: 'S256',
          scope: 'openid',
          ...extra,
        },
        { DPoP },
      );
    const browser = personBrowser(controlPlane.issuer);
    const silent = await browser.open(await push({ prompt: 'none' }));
    await expect(
      client.authorizationCodeGrant(configuration, silent.leaves ?? new URL('about:blank'), { pkceCodeVerifier }),
    ).rejects.toMatchObject({ error: 'login_required' });
    const refused = await browser.authorize(await push(), {
      person: trading.firms.people.trader.id,
      decision: 'refuse',
    });
    await expect(client.authorizationCodeGrant(configuration, refused, { pkceCodeVerifier })).rejects.toMatchObject({
      error: 'access_denied',
    });
  });
});

describe('oauth4webapi at FAPI 2.0', () => {
  it('with private_key_jwt and DPoP, step by step', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(controlPlane.issuer);
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
    );
    const party: oauth.Client = { client_id: 'desk-dpop', id_token_signed_response_alg: 'ES256' };
    const authentication = oauth.PrivateKeyJwt(await privateKeyOf('desk-dpop'));
    const DPoP = oauth.DPoP(party, await oauth.generateKeyPair('ES256'));
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const nonce = oauth.generateRandomNonce();
    const pushed = await oauth.processPushedAuthorizationResponse(
      server,
      party,
      await oauth.pushedAuthorizationRequest(
        server,
        party,
        authentication,
        {
          response_type: 'code',
          redirect_uri: redirectUri,
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          scope: 'openid order:create',
          resource: doors.broker,
          authorization_details: JSON.stringify([order()]),
          state,
          nonce,
        },
        { DPoP, ...insecure },
      ),
    );
    expect(pushed.expires_in).toBeLessThan(600);
    const url = new URL(server.authorization_endpoint ?? '');
    url.searchParams.set('client_id', party.client_id);
    url.searchParams.set('request_uri', pushed.request_uri);
    const answer = await personBrowser(controlPlane.issuer).authorize(url, {
      person: trading.firms.people.trader.id,
    });
    // RFC 9207: oauth4webapi refuses a response without the issuer, or with another.
    const parameters = oauth.validateAuthResponse(server, party, answer, state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      party,
      authentication,
      parameters,
      redirectUri,
      verifier,
      { DPoP, ...insecure },
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, party, response, { expectedNonce: nonce });
    expect(tokens.token_type).toBe('dpop');
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: 'person:anna.keller', nonce });
  });
});

describe('an ordinary relying party', () => {
  it('signs a person in without PAR, reads the userinfo, and signs them out', async () => {
    const configuration = await configured('dashboard');
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const expectedNonce = client.randomNonce();
    const browser = personBrowser(controlPlane.issuer);
    const answer = await browser.authorize(
      client.buildAuthorizationUrl(configuration, {
        redirect_uri: dashboardRedirectUri,
        scope: 'openid',
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        nonce: expectedNonce,
      }),
      { person: trading.firms.people.supervisor.id },
    );
    const tokens = await client.authorizationCodeGrant(configuration, answer, { pkceCodeVerifier, expectedNonce });
    expect(tokens.token_type).toBe('bearer');
    const about = await client.fetchUserInfo(configuration, tokens.access_token, 'person:bernd.vogt');
    expect(about).toMatchObject({ sub: 'person:bernd.vogt' });
    // A bearer token is accepted nowhere else.
    const elsewhere = await fetch(`${controlPlane.issuer}/decisions/policy`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(elsewhere.status).toBe(401);

    const goodbye = await browser.open(
      client.buildEndSessionUrl(configuration, {
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: 'https://dashboard.example/goodbye',
        state: 'over',
      }),
    );
    expect(goodbye.leaves?.href).toBe('https://dashboard.example/goodbye?state=over');
  });

  it('gets no market scope, whatever it requests', async () => {
    const configuration = await configured('dashboard');
    const visit = await personBrowser(controlPlane.issuer).open(
      client.buildAuthorizationUrl(configuration, {
        redirect_uri: dashboardRedirectUri,
        scope: 'openid order:create',
        code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
        code_challenge_method: 'S256',
      }),
    );
    expect(visit.leaves?.searchParams.get('error')).toBe('invalid_scope');
  });
});
