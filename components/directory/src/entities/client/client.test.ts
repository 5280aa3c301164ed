import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { grantTypes, protocolScopes } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { authorizationDetailTypes } from '@countersign/market';
import { createSelfSigned, createTestAuthority, type TestCertificate } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../../index.ts';
import { type Document, fileWithServices, relyingParty, tradingDesk } from '../../testing/example-clients.ts';
import { exampleKeyPair } from '../../testing/example-file.ts';
import { createRig, problemsOf, proposer, type Rig, refusalOf } from '../../testing/rig.ts';

const ciba = 'urn:openid:params:grant-type:ciba';

let rig: Rig;
let directory: DirectoryComponent;
/** Every case uses `plan`, which stores nothing, so one directory serves all. */
beforeAll(async () => {
  rig = await createRig();
  directory = await rig.open();
  await directory.apply(fileWithServices(), proposer);
});
afterAll(() => rig.close());

const plan = (...clients: readonly Document[]) => directory.plan({ clients });
const refusalsOf = async (...clients: readonly Document[]): Promise<readonly string[]> =>
  problemsOf(await refusalOf(plan(...clients))).map(({ code, path }) => `${code} ${path}`);

function jwkOf(certificate: TestCertificate, kid: string, chain: readonly Buffer[] = [certificate.der]): Document {
  const jwk = keyOfCertificate(certificate);
  return { ...jwk, kid, x5c: chain.map((der) => der.toString('base64')) };
}

function keyOfCertificate({ certificatePem }: TestCertificate): Document {
  const { kty, crv, x, y, n, e } = new X509Certificate(certificatePem).publicKey.export({ format: 'jwk' });
  return Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined));
}

/** Removes the members for backchannel authentication. */
const withoutBackchannel: Document = {
  backchannel_token_delivery_mode: undefined,
  backchannel_client_notification_endpoint: undefined,
};

/** A client that authenticates with a certificate. */
function tlsClient(members: Document): Document {
  const { jwks: _, ...document } = tradingDesk();
  return {
    ...document,
    token_endpoint_auth_method: 'tls_client_auth',
    binding: 'mtls',
    require_signed_request_object: false,
    ...members,
  };
}

describe('the registration of a client', () => {
  it('has defaults that leave a file of machine clients unchanged', () => {
    expect(directory.snapshot().client('broker-oms')).toEqual({
      id: 'broker-oms',
      institution: expect.any(String),
      principal: 'service:oms',
      name: 'broker-oms',
      kind: 'machine',
      profile: 'fapi2',
      environment: 'sandbox',
      authentication: { method: 'private_key_jwt' },
      binding: 'dpop',
      grantTypes: ['client_credentials'],
      scopes: ['order:create', 'order:read'],
      audiences: ['https://venue.example/orders'],
      detailTypes: authorizationDetailTypes,
      keys: [
        {
          jwk: expect.objectContaining({ kty: 'EC', kid: 'oms-1' }),
          thumbprint: expect.stringMatching(/^[\w-]{43}$/),
          registeredAt: rig.clock.now(),
        },
      ],
      redirectUris: [],
      postLogoutRedirectUris: [],
      requireSignedRequest: false,
      requireSignedResponse: false,
      requirePkce: true,
      idTokenAlgorithm: 'ES256',
      dpopBoundRefreshTokens: false,
    });
  });

  it('keeps every member of a relying party and of a trading desk', async () => {
    const other = await createRig();
    const registered = await other.open();
    await registered.apply(fileWithServices(), proposer);
    const desk = { ...tradingDesk(), environment: 'sandbox', dpop_bound_refresh_tokens: true };
    await registered.edit({ put: { clients: [relyingParty(), desk] } }, proposer);
    const snapshot = registered.snapshot();
    expect(snapshot.client('broker-dashboard')).toMatchObject({
      name: 'Broker Dashboard',
      kind: 'human',
      profile: 'oidc',
      binding: 'none',
      // Lists are sets and are stored in one order.
      scopes: ['offline_access', 'openid'],
      detailTypes: [],
      redirectUris: ['https://dashboard.broker.example/callback'],
      postLogoutRedirectUris: ['https://dashboard.broker.example/bye'],
      backchannelLogoutUri: 'https://dashboard.broker.example/logout',
    });
    expect(snapshot.client('broker-desk')).toMatchObject({
      kind: 'hybrid',
      profile: 'fapi2',
      detailTypes: ['urn:countersign:rar:v1:trade_order'],
      requireSignedRequest: true,
      requireSignedResponse: true,
      dpopBoundRefreshTokens: true,
      backchannelDelivery: { mode: 'ping', endpoint: 'https://desk.broker.example/ping' },
    });
    // Another node must read the same from storage.
    expect((await other.open()).snapshot().client('broker-desk')).toEqual(snapshot.client('broker-desk'));
    await other.close();
  });

  type Case = readonly [name: string, members: Document, ...problems: readonly string[]];
  const bad = (path: string, code = 'client_metadata_invalid'): string => `${code} /clients/0/${path}`;

  const spread = ([name, members, ...problems]: Case) => ({ name, members, problems });

  const ofTheDesk: readonly Case[] = [
    ['names of people', { scopes: ['openid', 'profile'] }, bad('scopes/1')],
    ['requests without PKCE', { require_pkce: false }, bad('require_pkce')],
    [
      'ID tokens in RS256, which FAPI 2.0 rules out',
      { id_token_signed_response_alg: 'RS256' },
      bad('id_token_signed_response_alg'),
    ],
    [
      'refresh tokens bound to a DPoP key beside tokens bound to a certificate',
      { binding: 'mtls', dpop_bound_refresh_tokens: true },
      bad('dpop_bound_refresh_tokens'),
    ],
    ['a generic scope', { scopes: ['order:*'] }, bad('scopes/0', 'scope_generic')],
    [
      'scopes that check each other, with protocol scopes between them',
      { scopes: ['order:create', 'openid', 'order:approve'] },
      bad('scopes', 'scope_duties_combined'),
    ],
    [
      'applying and approving changes of the directory',
      { scopes: ['directory:apply', 'directory:approve'] },
      bad('scopes', 'scope_duties_combined'),
    ],
    [
      'proposing what is trusted of a partner and approving it',
      { scopes: ['partner:register', 'directory:approve'] },
      bad('scopes', 'scope_duties_combined'),
    ],
    ['a client secret', { token_endpoint_auth_method: 'client_secret_basic' }, bad('token_endpoint_auth_method')],
    ['no authentication', { token_endpoint_auth_method: 'none' }, bad('token_endpoint_auth_method')],
    ['the implicit grant', { grant_types: ['implicit'] }, bad('grant_types/0')],
    ['the password grant', { grant_types: ['client_credentials', 'password'] }, bad('grant_types/1')],
    ['an unknown profile', { profile: 'fapi1' }, bad('profile')],
    ['an unknown environment', { environment: 'staging' }, bad('environment')],
    ['bearer tokens under the profile fapi2', { binding: 'none' }, bad('binding')],
    [
      'an unknown authorization-detail type',
      { authorization_details_types: ['payment'] },
      bad('authorization_details_types/0'),
    ],
    ['a name with a line break', { client_name: 'a\nb' }, bad('client_name', 'directory_file_invalid')],

    ['no redirect URI for the code', { redirect_uris: [] }, bad('redirect_uris')],
    ['plain http', { redirect_uris: ['http://desk.broker.example/cb'] }, bad('redirect_uris/0')],
    ['loopback in production without a port', { redirect_uris: ['http://127.0.0.1/cb'] }, bad('redirect_uris/0')],
    ['loopback by name in production', { redirect_uris: ['http://localhost:7428/cb'] }, bad('redirect_uris/0')],
    [
      'a deceptive loopback address',
      { redirect_uris: ['http://127.0.0.1:7428@evil.example/cb'] },
      bad('redirect_uris/0'),
    ],
    ['a scheme of its own', { redirect_uris: ['com.example.desk:/cb'] }, bad('redirect_uris/0')],
    ['a script', { redirect_uris: ['javascript:alert(1)//https://a.example'] }, bad('redirect_uris/0')],
    ['a relative URI', { redirect_uris: ['/callback'] }, bad('redirect_uris/0')],
    ['a fragment', { redirect_uris: ['https://desk.broker.example/cb#x'] }, bad('redirect_uris/0')],
    ['an empty fragment', { redirect_uris: ['https://desk.broker.example/cb#'] }, bad('redirect_uris/0')],
    ['a wildcard in the host', { redirect_uris: ['https://*.broker.example/cb'] }, bad('redirect_uris/0')],
    ['a wildcard in the path', { redirect_uris: ['https://desk.broker.example/*'] }, bad('redirect_uris/0')],
    ['a user in the URI', { redirect_uris: ['https://desk.broker.example@evil.example/cb'] }, bad('redirect_uris/0')],
    ['a backslash', { redirect_uris: ['https://evil.example\\@desk.broker.example/cb'] }, bad('redirect_uris/0')],
    ['no host', { redirect_uris: ['https:///cb'] }, bad('redirect_uris/0')],
    [
      'a space',
      { redirect_uris: ['https://desk.broker.example/a b'] },
      bad('redirect_uris/0', 'directory_file_invalid'),
    ],
    [
      'the same redirect URI twice',
      { redirect_uris: ['https://a.example/', 'https://a.example/'] },
      bad('redirect_uris', 'directory_file_invalid'),
    ],
    [
      'logout over http',
      { post_logout_redirect_uris: ['http://desk.broker.example'] },
      bad('post_logout_redirect_uris/0'),
    ],
    [
      'back-channel logout over http',
      { backchannel_logout_uri: 'http://desk.broker.example' },
      bad('backchannel_logout_uri'),
    ],

    ['neither keys nor their address', { jwks: undefined }, bad('jwks')],
    ['keys and their address', { jwks_uri: 'https://desk.broker.example/jwks' }, bad('jwks_uri')],
    ['an address of keys over http', { jwks: undefined, jwks_uri: 'http://desk.broker.example/jwks' }, bad('jwks_uri')],
    [
      'an address of keys with a user',
      { jwks: undefined, jwks_uri: 'https://a:b@desk.broker.example/' },
      bad('jwks_uri'),
    ],
    [
      'an address of keys with a fragment',
      { jwks: undefined, jwks_uri: 'https://desk.broker.example/#k' },
      bad('jwks_uri'),
    ],

    ['push', { backchannel_token_delivery_mode: 'push' }, bad('backchannel_token_delivery_mode')],
    [
      'ping without an endpoint',
      { backchannel_client_notification_endpoint: undefined },
      bad('backchannel_client_notification_endpoint'),
    ],
    [
      'ping over http',
      { backchannel_client_notification_endpoint: 'http://desk.broker.example/ping' },
      bad('backchannel_client_notification_endpoint'),
    ],
    [
      'poll with an endpoint to ping',
      { backchannel_token_delivery_mode: 'poll' },
      bad('backchannel_client_notification_endpoint'),
    ],
    [
      'a delivery mode without the grant that needs it',
      { grant_types: ['authorization_code'] },
      bad('backchannel_token_delivery_mode'),
      bad('backchannel_client_notification_endpoint'),
    ],

    ...(['authorization_code', ciba] as const).map(
      (grant): Case => [
        `a machine with ${grant}`,
        { kind: 'machine', grant_types: [grant], scopes: [], ...(grant === ciba ? {} : withoutBackchannel) },
        bad('grant_types/0'),
      ],
    ),
    [
      'a machine with refresh tokens',
      { kind: 'machine', grant_types: ['client_credentials', 'refresh_token'], scopes: [], ...withoutBackchannel },
      bad('grant_types/1'),
    ],
    [
      'refresh tokens that no consent leads to',
      { grant_types: ['client_credentials', 'refresh_token'], scopes: [], ...withoutBackchannel },
      bad('grant_types/1'),
    ],
    ["a person's tool that acts alone", { kind: 'human' }, bad('grant_types/0')],
    [
      'a protocol scope where nobody signs in',
      { grant_types: ['client_credentials'], ...withoutBackchannel },
      bad('scopes/2'),
    ],
    [
      'a name of a certificate beside a key',
      { tls_client_auth_san_dns: 'desk.broker.example' },
      bad('tls_client_auth_san_dns'),
    ],
  ];

  it.each(ofTheDesk.map(spread))('is refused for $name', async ({ members, problems }) => {
    const document = JSON.parse(JSON.stringify({ ...tradingDesk(), ...members })) as Document;
    expect(await refusalsOf(document)).toEqual(problems);
  });

  const ofTheRelyingParty: readonly Case[] = [
    ['a market scope', { scopes: ['openid', 'order:read'] }, bad('scopes/1')],
    ['managing grants', { scopes: ['openid', 'grant_management_query'] }, bad('scopes/1')],
    ...grantTypes
      .filter((grant) => grant !== 'authorization_code' && grant !== 'refresh_token')
      .map(
        (grant): Case => [grant, { kind: 'hybrid', grant_types: ['authorization_code', grant] }, bad('grant_types/1')],
      ),
    [
      'authorization details',
      { authorization_details_types: ['urn:countersign:rar:v1:trade_order'] },
      bad('authorization_details_types'),
    ],
    ['being a machine', { kind: 'machine' }, bad('grant_types/0'), bad('grant_types/1')],
  ];

  it.each(ofTheRelyingParty.map(spread))(
    'with the profile oidc is refused for $name',
    async ({ members, problems }) => {
      expect(await refusalsOf({ ...relyingParty(), ...members })).toEqual(problems);
    },
  );

  it('accepts a redirect to a local port in production (RFC 8252), and no other plain HTTP address', async () => {
    const native = { redirect_uris: ['http://127.0.0.1:7428/signed-in'] };
    expect(await plan({ ...tradingDesk(), environment: 'production', ...native })).toHaveLength(1);
  });

  it('accepts every protocol scope for sign-in, and plain http on loopback in the sandbox', async () => {
    const ofTrading = protocolScopes.filter((scope) => scope !== 'profile' && scope !== 'email');
    expect(await plan({ ...tradingDesk(), scopes: [...ofTrading, 'order:read'] })).toHaveLength(1);
    const claims = { ...relyingParty(), scopes: ['openid', 'profile', 'email'] };
    expect(await plan(claims)).toHaveLength(1);
    for (const host of ['127.0.0.1:8080', '[::1]', 'localhost:3000'])
      expect(await plan({ ...relyingParty(), redirect_uris: [`http://${host}/callback`] })).toHaveLength(1);
    for (const host of ['127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'])
      expect(await refusalsOf({ ...relyingParty(), redirect_uris: [`http://${host}/callback`] })).toEqual([
        bad('redirect_uris/0'),
      ]);
  });

  it('binds tokens of fapi2 to a key or a certificate, and leaves the choice to oidc', async () => {
    for (const binding of ['dpop', 'mtls']) expect(await plan({ ...tradingDesk(), binding })).toHaveLength(1);
    for (const binding of ['dpop', 'mtls', 'none']) expect(await plan({ ...relyingParty(), binding })).toHaveLength(1);
  });

  it('defaults to polling', async () => {
    const { backchannel_token_delivery_mode: _, backchannel_client_notification_endpoint: __, ...desk } = tradingDesk();
    expect(await plan(desk)).toHaveLength(1);
  });

  it('always fails with a coded error, whatever it holds', async () => {
    const members = Object.keys({ ...tradingDesk(), ...relyingParty(), jwks_uri: 0, x: 0 });
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.constantFrom(...members),
          fc.oneof(fc.jsonValue(), fc.webUrl({ withFragments: true }), fc.array(fc.string())),
        ),
        async (spoiled: Document) => {
          const error: unknown = await plan({ ...tradingDesk(), ...spoiled }).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          expect(error === undefined || error instanceof CodedError).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the subject name of a certificate', () => {
  it.each([
    ['tls_client_auth_subject_dn', 'CN=desk,O=Example Broker AG,C=DE'],
    ['tls_client_auth_san_dns', 'desk.broker.example'],
    ['tls_client_auth_san_uri', 'spiffe://broker.example/desk'],
    ['tls_client_auth_san_ip', '192.0.2.7'],
    ['tls_client_auth_san_ip', '2001:db8::7'],
    ['tls_client_auth_san_email', 'desk@broker.example'],
  ])('may be %s %s, and needs no keys', async (member, value) => {
    expect(await plan(tlsClient({ [member]: value }))).toHaveLength(1);
  });

  it.each([
    ['tls_client_auth_subject_dn', 'desk'],
    ['tls_client_auth_san_dns', '*.broker.example'],
    ['tls_client_auth_san_dns', 'desk..example'],
    ['tls_client_auth_san_uri', 'desk'],
    ['tls_client_auth_subject_dn', 'CN=desk,O='],
    ['tls_client_auth_san_email', 'a\nb@broker.example'],
    ['tls_client_auth_san_ip', '192.0.2.256'],
    ['tls_client_auth_san_email', 'desk'],
  ])('is refused as %s %s', async (member, value) => {
    expect(await refusalsOf(tlsClient({ [member]: value }))).toEqual([`client_metadata_invalid /clients/0/${member}`]);
  });

  it('is exactly one for tls_client_auth', async () => {
    expect(await refusalsOf(tlsClient({}))).toEqual(['client_metadata_invalid /clients/0/token_endpoint_auth_method']);
    expect(
      await refusalsOf(tlsClient({ tls_client_auth_san_dns: 'a.example', tls_client_auth_san_email: 'a@a.example' })),
    ).toEqual(['client_metadata_invalid /clients/0/tls_client_auth_san_email']);
  });

  it('does not sign request objects: they need keys', async () => {
    const name = { tls_client_auth_san_dns: 'desk.broker.example', require_signed_request_object: true };
    expect(await refusalsOf(tlsClient(name))).toEqual(['client_metadata_invalid /clients/0/jwks']);
    expect(await plan(tlsClient({ ...name, jwks_uri: 'https://desk.broker.example/jwks' }))).toHaveLength(1);
  });

  it('belongs to one client, as a key set address does', async () => {
    const name = { tls_client_auth_san_dns: 'desk.broker.example' };
    const second = { id: 'second', principal: 'service:third' };
    expect(
      await refusalsOf(tlsClient(name), tlsClient({ ...second, tls_client_auth_san_dns: 'DESK.broker.example' })),
    ).toEqual(['credential_shared /clients/1/tls_client_auth_san_dns']);
    expect(
      await refusalsOf(
        tlsClient({ tls_client_auth_subject_dn: 'CN=Desk,O=Example' }),
        tlsClient({ ...second, tls_client_auth_subject_dn: 'cn=desk, o=example' }),
      ),
    ).toEqual(['credential_shared /clients/1/tls_client_auth_subject_dn']);
    const address = {
      ...tlsClient({}),
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://a.example/k',
    };
    expect(await refusalsOf(address, { ...address, ...second })).toEqual(['credential_shared /clients/1/jwks_uri']);
  });
});

describe('a client with a provisioning token', () => {
  const identitySystem = (members: Document = {}) =>
    tlsClient({
      ...withoutBackchannel,
      tls_client_auth_san_dns: 'hr.broker.example',
      kind: 'machine',
      grant_types: ['client_credentials'],
      scopes: ['identity:read', 'identity:provision'],
      authorization_details_types: undefined,
      redirect_uris: undefined,
      require_signed_response: undefined,
      provisioning_token_days: 90,
      ...members,
    });

  it('is recognised by its certificate, and may provision', async () => {
    await plan(identitySystem());
    await plan(identitySystem({ provisioning_token_days: 1, scopes: ['identity:read'] }));
  });

  it.each<readonly [string, Document]>([
    ['no day', { provisioning_token_days: 0 }],
    ['more than 90 days', { provisioning_token_days: 91 }],
    ['days in words', { provisioning_token_days: '90' }],
    ['tokens bound by DPoP', { binding: 'dpop' }],
    ['another scope beside', { scopes: ['identity:read', 'directory:apply'] }],
    ['a market scope', { scopes: ['order:read'] }],
    ['no scope', { scopes: [] }],
    ['another grant beside', { grant_types: ['client_credentials', 'refresh_token'] }],
    ['no certificate', { ...tradingDesk(), ...withoutBackchannel, provisioning_token_days: 90 }],
  ])('is refused with %s', async (_, members) => {
    expect((await refusalsOf(identitySystem(members))).join(' ')).toContain('provisioning_token_days');
  });
});

describe('a certificate in a JWK', () => {
  const selfSigned = (keyAlgorithm?: 'ES256' | 'EdDSA' | 'PS256') =>
    createSelfSigned({ subject: 'CN=desk', ...(keyAlgorithm === undefined ? {} : { keyAlgorithm }) });
  const withKeys = (...keys: readonly Document[]): Document =>
    tlsClient({ token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys } });

  it.each(['ES256', 'EdDSA', 'PS256'] as const)('of %s is identified by its thumbprint', async (algorithm) => {
    const other = await createRig();
    const registered = await other.open();
    await registered.apply(fileWithServices(), proposer);
    const certificate = selfSigned(algorithm);
    const document = { ...withKeys(jwkOf(certificate, 'tls-1')), environment: 'sandbox' };
    await registered.edit({ put: { clients: [document] } }, proposer);
    const [key] = registered.snapshot().client('broker-desk')?.keys ?? [];
    expect(key?.certificateThumbprint).toBe(certificate.thumbprint);
    expect(key?.jwk).not.toHaveProperty('x5c');
    await other.close();
  });

  it('may be followed by its chain, whose order is kept', async () => {
    const other = await createRig();
    const registered = await other.open();
    await registered.apply(fileWithServices(), proposer);
    const authority = createTestAuthority({ name: 'Example CA' });
    // Several values, so that sorting would be noticed.
    for (let round = 0; round < 4; round++) {
      const certificate = authority.issue({ subject: `CN=desk-${round}` });
      const jwk = jwkOf(certificate, 'tls-1', [certificate.der, authority.der]);
      await registered.edit({ put: { clients: [{ ...withKeys(jwk), environment: 'sandbox' }] } }, proposer);
      const fresh = await other.open();
      expect(fresh.snapshot().client('broker-desk')?.keys[0]?.certificateThumbprint).toBe(certificate.thumbprint);
    }
    await other.close();
  });

  it('must certify the key that contains it', async () => {
    const jwk = { ...jwkOf(selfSigned(), 'tls-1'), ...exampleKeyPair('tls-1').publicJwk };
    expect(await refusalsOf(withKeys(jwk))).toEqual(['key_unusable /clients/0/jwks/keys/0/x5c/0']);
    const own = selfSigned();
    const reversed = jwkOf(own, 'tls-1', [selfSigned().der, own.der]);
    expect(await refusalsOf(withKeys(reversed))).toEqual(['key_unusable /clients/0/jwks/keys/0/x5c/0']);
  });

  it.each<readonly [string, (der: Buffer) => unknown, string]>([
    ['no list', (der) => der.toString('base64'), 'x5c'],
    ['an empty list', () => [], 'x5c'],
    ['too many', (der) => Array.from({ length: 9 }, () => der.toString('base64')), 'x5c'],
    ['base64url', (der) => [der.toString('base64url')], 'x5c/0'],
    ['bytes behind it', (der) => [Buffer.concat([der, Buffer.from([0])]).toString('base64')], 'x5c/0'],
    ['half of it', (der) => [der.subarray(0, der.length >> 1).toString('base64')], 'x5c/0'],
    ['PEM', () => [Buffer.from(selfSigned().certificatePem).toString('base64')], 'x5c/0'],
    ['a megabyte', () => ['A'.repeat(1_048_576)], 'x5c/0'],
    ['something else after it', (der) => [der.toString('base64'), 'AAAA'], 'x5c/1'],
    ['no text', () => [null], 'x5c/0'],
  ])('is refused as %s', async (_name, chain, path) => {
    const certificate = selfSigned();
    const jwk = { ...jwkOf(certificate, 'tls-1'), x5c: chain(certificate.der) };
    expect(await refusalsOf(withKeys(jwk))).toEqual([`key_unusable /clients/0/jwks/keys/0/${path}`]);
  });

  it('is required by self_signed_tls_client_auth, unless the keys are fetched', async () => {
    expect(await refusalsOf(withKeys(exampleKeyPair('k').publicJwk))).toEqual([
      'client_metadata_invalid /clients/0/jwks',
    ]);
    expect(await plan(withKeys(jwkOf(selfSigned(), 'tls-1'), exampleKeyPair('k').publicJwk))).toHaveLength(1);
    const { jwks: _, ...fetched } = withKeys();
    expect(await plan({ ...fetched, jwks_uri: 'https://desk.broker.example/jwks' })).toHaveLength(1);
    expect(await refusalsOf(fetched)).toEqual(['client_metadata_invalid /clients/0/jwks']);
  });

  it('belongs to one client', async () => {
    const certificate = selfSigned();
    const second = { ...withKeys(jwkOf(certificate, 'tls-2')), id: 'second', principal: 'service:third' };
    expect(await refusalsOf(withKeys(jwkOf(certificate, 'tls-1')), second)).toEqual([
      'credential_shared /clients/1/jwks/keys/0',
    ]);
  });

  it('is not fetched from a URL', async () => {
    const jwk = { ...exampleKeyPair('k').publicJwk, x5u: 'https://desk.broker.example/certificate' };
    expect(await refusalsOf({ ...tradingDesk(), jwks: { keys: [jwk] } })).toEqual([
      'directory_file_invalid /clients/0/jwks/keys/0/x5u',
    ]);
  });
});

describe('an RSA key', () => {
  it('needs at least 2048 bits', async () => {
    const jwkOfBits = (modulusLength: number): Document => ({
      ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }),
      kid: 'rsa-1',
    });
    expect(await plan({ ...tradingDesk(), jwks: { keys: [jwkOfBits(2048)] } })).toHaveLength(1);
    expect(await refusalsOf({ ...tradingDesk(), jwks: { keys: [jwkOfBits(1024)] } })).toEqual([
      'key_unusable /clients/0/jwks/keys/0',
    ]);
  });
});
