import { generateSigningKey } from '@countersign/sdk';
import { importJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowAll, cibaGrant } from './testing/backchannel.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { doors } from './testing/firms.ts';
import { personBrowser } from './testing/person-browser.ts';
import { createCertificates, registerRelyingParties, withMutualTls } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, openTrading, type Trading } from './testing/trading.ts';

// Two certified clients at their defaults: an issuer, a client id and an authentication method, and no other setting except
// that both must be told to accept plain http on loopback. No request names a resource.

const folder = scratchFolder();
const keys = {
  desk: generateSigningKey(),
  portal: generateSigningKey(),
  legacy: generateSigningKey(),
  batch: generateSigningKey(),
  phone: generateSigningKey(),
};
type Party = keyof typeof keys;
const callback = 'https://desk.example/callback';

let controlPlane: RunningControlPlane;
let trading: Trading;
let order: () => string;

beforeAll(async () => {
  const certificates = createCertificates();
  controlPlane = await runControlPlane(await withMutualTls(await configurationIn(folder.path), certificates));
  trading = await openTrading(controlPlane);
  const { mandate } = await trading.grantMandates();
  order = () => JSON.stringify([trading.order(mandate)]);
  const { issuer } = controlPlane;
  const people = { kind: 'human', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [callback] };
  const relyingParty = { ...people, profile: 'oidc', binding: 'none', audiences: [`${issuer}/userinfo`] };
  const clients: Readonly<Record<Party, Readonly<Record<string, unknown>>>> = {
    desk: { ...people, scopes: ['openid', 'offline_access', 'order:create'], audiences: [doors.broker] },
    portal: { ...relyingParty, scopes: ['openid', 'offline_access', 'profile', 'email'] },
    legacy: {
      ...relyingParty,
      scopes: ['openid', 'offline_access'],
      id_token_signed_response_alg: 'RS256',
      require_pkce: false,
    },
    batch: {
      kind: 'machine',
      grant_types: ['client_credentials'],
      scopes: ['mandate:read'],
      audiences: [`${issuer}/mandates`],
    },
    phone: {
      kind: 'human',
      grant_types: [cibaGrant],
      backchannel_token_delivery_mode: 'poll',
      scopes: ['openid'],
      audiences: [`${issuer}/userinfo`],
    },
  };
  await registerRelyingParties(
    controlPlane,
    trading,
    certificates,
    Object.fromEntries(
      Object.entries(clients).map(([name, registration]) => {
        const { publicJwk, kid } = keys[name as Party];
        return [name, { ...registration, jwks: { keys: [{ ...publicJwk, kid }] } }];
      }),
    ),
  );
  await nameTrader();
});
/** The firm releases the trader's personal claims to relying parties, subject to the trader's consent. */
async function nameTrader(): Promise<void> {
  const document = trading.firms.directoryDocument();
  const people = (document['people'] ?? []).map((person: Readonly<Record<string, unknown>>) =>
    person['id'] === trading.firms.people.trader.id
      ? { ...person, name: 'Anna Keller', email: 'anna.keller@arranger.example' }
      : person,
  );
  await controlPlane.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: { ...document, people },
  });
}

afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  folder.remove();
});

async function keyOf({ privateJwk, kid }: (typeof keys)[Party]): Promise<oauth.PrivateKey & { readonly kid: string }> {
  const key = await importJWK({ ...privateJwk }, 'ES256');
  if (key instanceof Uint8Array) throw new Error('a private key that is none');
  return { key, kid };
}

/** The person signs in and consents. @returns the response at the redirect URI */
const allowed = (url: URL | string) =>
  personBrowser(controlPlane.issuer).authorize(url, { person: trading.firms.people.trader.id });

const keyOfToken = (accessToken: string): unknown => claimsOf({ accessToken })['cnf'];

describe('openid-client at its default settings', () => {
  const discovered = async (name: Party | 'brk-orders') =>
    client.discovery(
      new URL(controlPlane.issuer),
      name,
      undefined,
      client.PrivateKeyJwt(await keyOf(name === 'brk-orders' ? trading.firms.key(name) : keys[name])),
      { execute: [client.allowInsecureRequests] },
    );

  it('completes a pushed request with DPoP, its refresh with another key, introspection and revocation', async () => {
    const desk = await discovered('desk');
    const DPoP = client.getDPoPHandle(desk, await client.randomDPoPKeyPair());
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const url = await client.buildAuthorizationUrlWithPAR(
      desk,
      {
        redirect_uri: callback,
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        scope: 'openid offline_access order:create',
        authorization_details: order(),
      },
      { DPoP },
    );
    const tokens = await client.authorizationCodeGrant(desk, await allowed(url), { pkceCodeVerifier }, {}, { DPoP });
    expect(claimsOf({ accessToken: tokens.access_token })).toMatchObject({ aud: doors.broker, scope: 'order:create' });
    const { refresh_token: refreshToken } = tokens;
    if (refreshToken === undefined) throw new Error('no refresh token');
    const again = await client.refreshTokenGrant(desk, refreshToken, {}, { DPoP });
    expect(keyOfToken(again.access_token)).toEqual(keyOfToken(tokens.access_token));

    // RFC 9449 section 5: the client authenticates, so its refresh token is bound to no key.
    const another = client.getDPoPHandle(desk, await client.randomDPoPKeyPair());
    const renewed = await client.refreshTokenGrant(desk, refreshToken, {}, { DPoP: another });
    expect(keyOfToken(renewed.access_token)).not.toEqual(keyOfToken(tokens.access_token));
    const changes = await controlPlane.operator.records({ type: 'client.dpop-key-changed' });
    expect(changes.filter((record) => record.client === 'desk')).toHaveLength(1);

    const broker = await discovered('brk-orders');
    expect(await client.tokenIntrospection(broker, renewed.access_token)).toMatchObject({ active: true });
    await client.tokenRevocation(desk, refreshToken);
    expect(await client.tokenIntrospection(broker, renewed.access_token)).toEqual({ active: false });
  });

  it('signs a person in with PKCE, refreshes, and reads the userinfo', async () => {
    const portal = await discovered('portal');
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const url = client.buildAuthorizationUrl(portal, {
      redirect_uri: callback,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      scope: 'openid offline_access profile email',
      acr_values: 'urn:nobody:knows:this',
    });
    const tokens = await client.authorizationCodeGrant(portal, await allowed(url), { pkceCodeVerifier });
    // No class was requested; the claim states how the person signed in.
    expect(tokens.claims()).toMatchObject({ acr: 'urn:countersign:acr:development' });
    const again = await client.refreshTokenGrant(portal, tokens.refresh_token ?? '');
    const { sub = '' } = tokens.claims() ?? {};
    expect(await client.fetchUserInfo(portal, again.access_token, sub)).toMatchObject({
      ...{ sub, name: 'Anna Keller', email: 'anna.keller@arranger.example', email_verified: false },
    });
    // The log has neither: not from the directory change, the consent, the token or userinfo.
    const records = await Promise.all(
      (['directory.applied', 'consent.given', 'token.issued'] as const).map((type) =>
        controlPlane.operator.records({ type }),
      ),
    );
    expect(records.flat().length).toBeGreaterThan(3);
    expect(JSON.stringify(records)).not.toMatch(/Anna Keller|anna\.keller@/);
  });

  it('signs a person in without PKCE by a nonce, with an ID token in RS256 whose signature it checks', async () => {
    const legacy = await discovered('legacy');
    client.enableNonRepudiationChecks(legacy);
    const expectedNonce = client.randomNonce();
    const parameters = { redirect_uri: callback, scope: 'openid' };
    const url = client.buildAuthorizationUrl(legacy, { ...parameters, nonce: expectedNonce });
    const tokens = await client.authorizationCodeGrant(legacy, await allowed(url), { expectedNonce });
    expect(algorithmOf(tokens.id_token)).toBe('RS256');
    expect(tokens.claims()).toMatchObject({ nonce: expectedNonce, aud: 'legacy' });

    const unprotected = await personBrowser(controlPlane.issuer).open(client.buildAuthorizationUrl(legacy, parameters));
    expect(unprotected.leaves?.searchParams.get('error')).toBe('invalid_request');
  });

  it('gets a token by client credentials', async () => {
    const batch = await discovered('batch');
    const DPoP = client.getDPoPHandle(batch, await client.randomDPoPKeyPair());
    const token = await client.clientCredentialsGrant(batch, { scope: 'mandate:read' }, { DPoP });
    expect(token).toMatchObject({ token_type: 'dpop', scope: 'mandate:read' });
  });

  it('asks a person on their own device', async () => {
    const phone = await discovered('phone');
    const DPoP = client.getDPoPHandle(phone, await client.randomDPoPKeyPair());
    const server = phone.serverMetadata() as oauth.AuthorizationServer;
    const request = await oauth.issueRequestObject(
      server,
      { client_id: 'phone' },
      { login_hint: trading.firms.people.trader.id, scope: 'openid', binding_message: 'W4SCT' },
      await keyOf(keys.phone),
    );
    const asked = await client.initiateBackchannelAuthentication(phone, { request });
    expect(
      await allowAll(personBrowser(controlPlane.issuer), controlPlane.issuer, trading.firms.people.trader.id),
    ).toBe(1);
    const tokens = await client.pollBackchannelAuthenticationGrant(phone, asked, undefined, { DPoP });
    expect(tokens.claims()).toMatchObject({ sub: trading.firms.people.trader.id });
  });

  it('finds no device flow in the metadata', async () => {
    const portal = await discovered('portal');
    expect(portal.serverMetadata().device_authorization_endpoint).toBeUndefined();
  });
});

describe('oauth4webapi at its default settings', () => {
  const insecure = { [oauth.allowInsecureRequests]: true };
  async function software(name: Party) {
    const issuer = new URL(controlPlane.issuer);
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
    const party: oauth.Client = { client_id: name };
    return { server, party, authentication: oauth.PrivateKeyJwt(await keyOf(keys[name])) };
  }
  const proof = async (party: oauth.Client) => oauth.DPoP(party, await oauth.generateKeyPair('ES256'));

  it('completes a pushed request with DPoP, its refresh with another key, and revocation', async () => {
    const { server, party, authentication } = await software('desk');
    const DPoP = await proof(party);
    const verifier = oauth.generateRandomCodeVerifier();
    const pushed = await oauth.processPushedAuthorizationResponse(
      server,
      party,
      await oauth.pushedAuthorizationRequest(
        server,
        party,
        authentication,
        {
          response_type: 'code',
          redirect_uri: callback,
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          scope: 'openid offline_access order:create',
          authorization_details: order(),
        },
        { DPoP, ...insecure },
      ),
    );
    const url = new URL(server.authorization_endpoint ?? '');
    url.searchParams.set('client_id', party.client_id);
    url.searchParams.set('request_uri', pushed.request_uri);
    const answer = oauth.validateAuthResponse(server, party, await allowed(url));
    const tokens = await oauth.processAuthorizationCodeResponse(
      server,
      party,
      await oauth.authorizationCodeGrantRequest(server, party, authentication, answer, callback, verifier, {
        DPoP,
        ...insecure,
      }),
    );
    const refresh = async (by: oauth.DPoPHandle) =>
      oauth.processRefreshTokenResponse(
        server,
        party,
        await oauth.refreshTokenGrantRequest(server, party, authentication, tokens.refresh_token ?? '', {
          DPoP: by,
          ...insecure,
        }),
      );
    expect(keyOfToken((await refresh(DPoP)).access_token)).toEqual(keyOfToken(tokens.access_token));
    expect(keyOfToken((await refresh(await proof(party))).access_token)).not.toEqual(keyOfToken(tokens.access_token));
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, party, authentication, tokens.refresh_token ?? '', insecure),
    );
    await expect(refresh(DPoP)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('signs a person in without PKCE by a nonce, with an ID token in RS256 whose signature it checks', async () => {
    const { server, party, authentication } = await software('legacy');
    const nonce = oauth.generateRandomNonce();
    const url = new URL(server.authorization_endpoint ?? '');
    for (const [name, value] of Object.entries({
      client_id: party.client_id,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid',
      nonce,
    }))
      url.searchParams.set(name, value);
    const answer = oauth.validateAuthResponse(server, party, await allowed(url));
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      party,
      authentication,
      answer,
      callback,
      oauth.nopkce,
      insecure,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, party, response, { expectedNonce: nonce });
    await oauth.validateApplicationLevelSignature(server, response, insecure);
    expect(algorithmOf(tokens.id_token)).toBe('RS256');
  });

  it('gets a token by client credentials', async () => {
    const { server, party, authentication } = await software('batch');
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      party,
      authentication,
      { scope: 'mandate:read' },
      { DPoP: await proof(party), ...insecure },
    );
    expect(await oauth.processClientCredentialsResponse(server, party, answer)).toMatchObject({ token_type: 'dpop' });
  });

  it('receives the errors of a backchannel request in the members that CIBA registers', async () => {
    const { server, party, authentication } = await software('phone');
    const answer = await oauth.backchannelAuthenticationRequest(
      server,
      party,
      authentication,
      { login_hint: trading.firms.people.trader.id, scope: 'openid' },
      insecure,
    );
    expect(await answer.clone().json()).toEqual({ error: 'invalid_request', error_description: expect.any(String) });
    expect(answer.headers.get('countersign-reason')).toBe('signed_request_required');
    await expect(oauth.processBackchannelAuthenticationResponse(server, party, answer)).rejects.toMatchObject({
      error: 'invalid_request',
    });
  });
});

function algorithmOf(idToken: string | undefined): unknown {
  const header = Buffer.from(idToken?.split('.')[0] ?? '', 'base64url').toString('utf8');
  return (JSON.parse(header) as { readonly alg?: unknown }).alg;
}
