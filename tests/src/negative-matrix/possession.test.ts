import { createHash, createHmac } from 'node:crypto';
import { generateSigningKey } from '@countersign/sdk';
import { createSelfSigned, createTestAuthority, type TestCertificate } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { type AllowedCode, createPkce, textIn } from '../testing/code-flow.ts';
import { clientAssertionType } from '../testing/credentials.ts';
import { expectVerdict, faultsIn, verdictOf } from '../testing/negative-matrix.ts';
import { personBrowser } from '../testing/person-browser.ts';
import { type Change, claimsIn, type Fields, formType, seconds, signJwt } from '../testing/raw-client.ts';
import { redirectUri } from '../testing/relying-parties.ts';
import { send, type WireAnswer } from '../testing/wire.ts';

// What a sender must prove to hold: the key of a client (1), the key that a token is bound to (3), the certificate of the
// connection (4). The numbers are those of the hardest behaviours.

let world: AuthorizationWorld;

beforeAll(async () => {
  world = await openAuthorizationWorld();
});
afterAll(() => world?.stop());

const desk = () => world.party('desk-dpop');
const at = (path: string) => world.issuer + path;
/** The answer to an authenticated request without parameters. */
const authenticated = '400 invalid_request parameter_missing';

describe('1: the audience of a client assertion is the issuer, as one string (FAPI 2.0 Security Profile 5.3.2.1)', () => {
  const audiences: readonly (readonly [string, () => unknown, boolean])[] = [
    ['the issuer', () => world.issuer, true],
    ['a list of the issuer alone', () => [world.issuer], false],
    ['a list of the issuer and another', () => [world.issuer, 'https://another.example'], false],
    ['an empty list', () => [], false],
    ['the token endpoint', () => at('/token'), false],
    ['the PAR endpoint', () => at('/par'), false],
    ['the backchannel endpoint', () => at('/bc-authorize'), false],
    ['a list of the token endpoint', () => [at('/token')], false],
    ['the endpoint of the second listener', () => `${world.controlPlane.mutualTlsAddress}/token`, false],
    ['another issuer', () => 'https://another.example', false],
    ['the issuer with a slash more', () => `${world.issuer}/`, false],
    ['the issuer with a path', () => at('/tenant'), false],
    ['the issuer in capitals', () => world.issuer.toUpperCase(), false],
    ['nothing', () => undefined, false],
    ['null', () => null, false],
    ['an object', () => ({ iss: world.issuer }), false],
  ];
  const endpoints: readonly (readonly [string, Fields, string])[] = [
    ['/token', [], authenticated],
    ['/par', [], authenticated],
    ['/introspect', [], authenticated],
    ['/revoke', [], authenticated],
    ['/bc-authorize', [], '400 unauthorized_client ciba_not_registered'],
  ];
  const cases = endpoints.flatMap(([path, , told], index) =>
    audiences.map(([name, aud, taken]) => ({
      path,
      name,
      aud,
      from: `127.0.0.${index + 2}`,
      // CIBA Core section 7.1 requires these two, only for its own endpoint.
      verdict:
        taken || (path === '/bc-authorize' && (name === 'the token endpoint' || name === 'the backchannel endpoint'))
          ? told
          : '401 invalid_client client_assertion_audience',
    })),
  );

  it.each(cases)('at $path, for $name: $verdict', async ({ path, aud, from, verdict }) => {
    const fields = credentials(desk().assertion({ aud: aud() }));
    expectVerdict(await desk().postOnly(path, fields, { from }), verdict, fields);
  });

  it('an ordinary relying party may also name the token endpoint, as one string, and nothing else', async () => {
    const dashboard = world.party('dashboard');
    const ask = async (aud: unknown) =>
      verdictOf(await dashboard.postOnly('/token', credentials(dashboard.assertion({ aud })), { dpop: [] }));
    expect(await ask(world.issuer)).toBe(authenticated);
    expect(await ask(at('/token'))).toBe(authenticated);
    for (const aud of [[world.issuer], [at('/token')], at('/par'), at('/token/'), 'https://another.example'])
      expect(await ask(aud)).toBe('401 invalid_client client_assertion_audience');
  });
});

const credentials = (assertion: string): Fields => [
  ['client_assertion_type', clientAssertionType],
  ['client_assertion', assertion],
];

describe('1: a client assertion is refused', () => {
  it.each<readonly [string, () => Change, string]>([
    ['of another issuer than its subject', () => ({ sub: 'desk-signed' }), 'issuer'],
    ['without a subject', () => ({ sub: undefined }), 'issuer'],
    ['without an issuer', () => ({ iss: undefined }), 'issuer'],
    ['of an issuer that is not text', () => ({ iss: 1, sub: 1 }), 'issuer'],
    ['of a client that does not exist', () => ({ iss: 'nobody', sub: 'nobody' }), 'key'],
    ['of another client, with this one’s key', () => ({ iss: 'desk-signed', sub: 'desk-signed' }), 'key'],
    ['without an end', () => ({ exp: undefined }), 'time'],
    ['with an end that is text', () => ({ exp: String(seconds() + 60) }), 'time'],
    ['that has ended', () => ({ exp: seconds() - 1 }), 'expired'],
    ['good for more than five minutes', () => ({ exp: seconds() + 310 }), 'lifetime'],
    [
      'good for more than five minutes, and silent about its beginning',
      () => ({ iat: undefined, exp: seconds() + 400 }),
      'lifetime',
    ],
    ['good for a hundred years', () => ({ exp: seconds() + 3_153_600_000 }), 'lifetime'],
    ['issued in the future', () => ({ iat: seconds() + 30, exp: seconds() + 60 }), 'time'],
    ['that begins in the future', () => ({ nbf: seconds() + 30 }), 'time'],
    ['without an id', () => ({ jti: undefined }), 'id'],
    ['with an id that is a number', () => ({ jti: 1 }), 'id'],
    ['with an id without end', () => ({ jti: 'x'.repeat(129) }), 'id'],
  ])('%s', async (_, claims, rule) => {
    const fields = credentials(desk().assertion(claims()));
    const answer = await desk().postOnly('/token', fields, { from: '127.0.0.20' });
    expectVerdict(answer, `401 invalid_client client_assertion_${rule}`, fields);
  });

  it.each<readonly [string, () => Change, string]>([
    ['of no algorithm', () => ({ alg: 'none' }), 'algorithm'],
    ['of no algorithm in another spelling', () => ({ alg: 'NONE' }), 'algorithm'],
    ['of a shared secret', () => ({ alg: 'HS256' }), 'algorithm'],
    ['of RSA with the old padding', () => ({ alg: 'RS256' }), 'algorithm'],
    ['of another algorithm than the key is for', () => ({ alg: 'PS256' }), 'key'],
    ['of a key that is not registered', () => ({ kid: 'another' }), 'key'],
    ['that brings its own key', () => ({ jwk: desk().key.publicJwk }), 'malformed'],
    ['that says where its keys are', () => ({ jku: 'https://desk.example/jwks' }), 'malformed'],
    ['that says where its certificate is', () => ({ x5u: 'https://desk.example/x5u' }), 'malformed'],
    ['that brings its own certificate', () => ({ x5c: ['AAAA'] }), 'malformed'],
    ['with an extension that must be understood', () => ({ crit: ['exp'] }), 'malformed'],
    ['compressed', () => ({ zip: 'DEF' }), 'malformed'],
    ['by the work of a password', () => ({ alg: 'PBES2-HS256+A128KW', p2c: 2_147_483_647 }), 'algorithm'],
    ['of the type of a proof', () => ({ typ: 'dpop+jwt' }), 'type'],
    ['of the type of an access token', () => ({ typ: 'at+jwt' }), 'type'],
  ])('by its header: %s', async (_, header, rule) => {
    const fields = credentials(desk().assertion({}, header()));
    const answer = await desk().postOnly('/token', fields, { from: '127.0.0.21' });
    expectVerdict(answer, `401 invalid_client client_assertion_${rule}`, fields);
  });

  it('that was signed with the public key as a shared secret', async () => {
    const [, payload = ''] = desk().assertion().split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: desk().key.kid })).toString('base64url');
    const secret = JSON.stringify(desk().key.publicJwk);
    const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
    const answer = await desk().postOnly('/token', credentials(`${header}.${payload}.${mac}`), { from: '127.0.0.22' });
    expectVerdict(answer, '401 invalid_client client_assertion_algorithm');
  });
});

describe('3: a DPoP proof is refused', () => {
  type Wrong = readonly [string, () => Change, () => Change, string];
  const wrong: readonly Wrong[] = [
    ['for another method', () => ({ htm: 'PUT' }), () => ({}), 'method'],
    ['for a method in small letters', () => ({ htm: 'post' }), () => ({}), 'method'],
    ['for no method', () => ({ htm: undefined }), () => ({}), 'method'],
    ['for another path', () => ({ htu: at('/par') }), () => ({}), 'url'],
    ['for another host', () => ({ htu: 'https://another.example/token' }), () => ({}), 'url'],
    ['for another scheme', () => ({ htu: at('/token').replace('http:', 'https:') }), () => ({}), 'url'],
    ['for no address', () => ({ htu: undefined }), () => ({}), 'url'],
    ['for an invalid address', () => ({ htu: 'token' }), () => ({}), 'url'],
    ['made too long ago', () => ({ iat: seconds() - 75 }), () => ({}), 'time'],
    ['made in the future', () => ({ iat: seconds() + 30 }), () => ({}), 'time'],
    ['that does not say when it was made', () => ({ iat: undefined }), () => ({}), 'time'],
    ['that has ended', () => ({ exp: seconds() - 1 }), () => ({}), 'time'],
    ['without an id', () => ({ jti: undefined }), () => ({}), 'id'],
    ['with an id without end', () => ({ jti: 'x'.repeat(129) }), () => ({}), 'id'],
    ['of the type of a client assertion', () => ({}), () => ({ typ: 'client-authentication+jwt' }), 'type'],
    ['of no type', () => ({}), () => ({ typ: undefined }), 'type'],
    ['without its key', () => ({}), () => ({ jwk: undefined }), 'key'],
    ['with a private key in it', () => ({}), () => ({ jwk: desk().proofKey.privateJwk }), 'key'],
    ['with a shared secret for a key', () => ({}), () => ({ jwk: { kty: 'oct', k: 'AAAA' } }), 'key'],
    ['with another key than signed it', () => ({}), () => ({ jwk: generateSigningKey().publicJwk }), 'signature'],
    ['of no algorithm', () => ({}), () => ({ alg: 'none' }), 'algorithm'],
    ['of a shared secret', () => ({}), () => ({ alg: 'HS256' }), 'algorithm'],
    ['that says where its key is', () => ({}), () => ({ jku: 'https://desk.example/jwks' }), 'malformed'],
  ];

  it.each(wrong)('at the token endpoint: %s', async (_, claims, header, rule) => {
    const dpop = [desk().proof(at('/token'), claims(), header())];
    expectVerdict(await desk().post('/token', [], { dpop }), `400 invalid_dpop_proof proof_${rule}`);
  });

  it('at the token endpoint: none, two, or a list of two', async () => {
    const { proof } = desk();
    expectVerdict(await desk().post('/token', [], { dpop: [] }), '400 invalid_dpop_proof proof_missing');
    const two = [proof(at('/token')), proof(at('/token'))];
    expectVerdict(await desk().post('/token', [], { dpop: two }), '400 invalid_dpop_proof proof_repeated');
    expectVerdict(
      await desk().post('/token', [], { dpop: [two.join(', ')] }),
      '400 invalid_dpop_proof proof_malformed',
    );
  });

  it('at the token endpoint: one used before, even if that request was refused', async () => {
    const dpop = [desk().proof(at('/token'))];
    expectVerdict(await desk().post('/token', [], { dpop }), authenticated);
    expectVerdict(await desk().post('/token', [], { dpop }), '400 invalid_dpop_proof proof_replayed');
  });

  it('at the token endpoint: one with an unknown nonce, and the response carries a valid one', async () => {
    const refused = await desk().post('/token', [], { dpop: [desk().proof(at('/token'), { nonce: 'made-up' })] });
    expectVerdict(refused, '400 use_dpop_nonce proof_nonce');
    const nonce = String(refused.headers['dpop-nonce']);
    expectVerdict(await desk().post('/token', [], { dpop: [desk().proof(at('/token'), { nonce })] }), authenticated);
  });

  it('but not for a query, a fragment or another spelling of the same address', async () => {
    const { origin, port } = new URL(world.issuer);
    for (const htu of [`${at('/token')}?a=b`, `${at('/token')}#c`, `${origin.replace(`:${port}`, `:0${port}`)}/token`])
      expectVerdict(await desk().post('/token', [], { dpop: [desk().proof(at('/token'), { htu })] }), authenticated);
  });

  it('when the client’s tokens are bound otherwise', async () => {
    const dashboard = world.party('dashboard');
    const dpop = [dashboard.proof(at('/token'))];
    expectVerdict(await dashboard.post('/token', [], { dpop }), '400 invalid_dpop_proof proof_unexpected');
  });
});

describe('3: a token bound to a key', () => {
  const url = () => at('/decisions/policy');
  let token: string;
  beforeAll(async () => {
    const granted = await broker().post('/token', [
      ['grant_type', 'client_credentials'],
      ['resource', at('/decisions')],
      ['scope', 'decision:evaluate'],
    ]);
    token = textIn(granted, 'access_token');
  });
  const broker = () => world.firm('brk-orders');
  const ath = (text: string) => createHash('sha256').update(text).digest('base64url');
  const get = (headers: Readonly<Record<string, string | readonly string[]>>) =>
    send({ method: 'GET', url: url(), headers });
  const proof = (claims: Change = {}, header: Change = {}) =>
    broker().proof(url(), { htm: 'GET', ath: ath(token), ...claims }, header);
  const dpopToken = () => `DPoP ${token}`;

  it('is accepted with its proof, once', async () => {
    const headers = { authorization: dpopToken(), dpop: proof() };
    expectVerdict(await get(headers), 'accepted');
    expectVerdict(await get(headers), '401 proof_replayed');
  });

  it.each<readonly [string, () => Parameters<typeof get>[0], string]>([
    [
      'with the hash of another token',
      () => ({ authorization: dpopToken(), dpop: proof({ ath: ath('x') }) }),
      'proof_token_hash',
    ],
    [
      'without the hash of the token',
      () => ({ authorization: dpopToken(), dpop: proof({ ath: undefined }) }),
      'proof_token_hash',
    ],
    ['for another method', () => ({ authorization: dpopToken(), dpop: proof({ htm: 'POST' }) }), 'proof_method'],
    ['for another address', () => ({ authorization: dpopToken(), dpop: proof({ htu: at('/token') }) }), 'proof_url'],
    ['made too long ago', () => ({ authorization: dpopToken(), dpop: proof({ iat: seconds() - 75 }) }), 'proof_time'],
    [
      'by another key',
      () => ({ authorization: dpopToken(), dpop: desk().proof(url(), { htm: 'GET', ath: ath(token) }) }),
      'proof_binding',
    ],
    [
      'with a private key in it',
      () => ({ authorization: dpopToken(), dpop: proof({}, { jwk: broker().proofKey.privateJwk }) }),
      'proof_key',
    ],
    ['in two headers', () => ({ authorization: dpopToken(), dpop: [proof(), proof()] }), 'proof_repeated'],
    ['in no header', () => ({ authorization: dpopToken() }), 'proof_missing'],
  ])('is refused with a proof %s', async (_, headers, code) => {
    const answer = await get(headers());
    expectVerdict(answer, `401 ${code}`);
    expect(answer.headers['www-authenticate']).toMatch(/^DPoP error="invalid_dpop_proof"/);
  });

  it.each<readonly [string, () => Parameters<typeof get>[0], string]>([
    ['as a bearer token, with the proof', () => ({ authorization: `Bearer ${token}`, dpop: proof() }), 'token_scheme'],
    ['as a bearer token, without', () => ({ authorization: `Bearer ${token}` }), 'token_scheme'],
    ['beside another', () => ({ authorization: [dpopToken(), `Bearer ${token}`], dpop: proof() }), 'token_scheme'],
    ['twice', () => ({ authorization: [dpopToken(), dpopToken()], dpop: proof() }), 'token_scheme'],
    ['by no scheme', () => ({ authorization: token, dpop: proof() }), 'token_scheme'],
    [
      'as a password',
      () => ({ authorization: `Basic ${Buffer.from(`a:${token}`).toString('base64')}`, dpop: proof() }),
      'token_scheme',
    ],
    ['not at all', () => ({ dpop: proof() }), 'token_missing'],
  ])('is refused when it is sent %s', async (_, headers, code) => {
    const answer = await get(headers());
    expectVerdict(answer, `401 ${code}`);
    expect(answer.headers['www-authenticate']).toMatch(/^DPoP /);
  });

  it('is not read from the query or a body (RFC 6750 sections 2.2 and 2.3)', async () => {
    const query = await send({ method: 'GET', url: `${url()}?access_token=${token}`, headers: { dpop: proof() } });
    expectVerdict(query, '401 token_missing');
    const headers = { 'content-type': formType, dpop: broker().proof(at('/userinfo')) };
    const body = await send({ method: 'POST', url: at('/userinfo'), headers, body: `access_token=${token}` });
    expect(body.status).toBe(401);
  });

  it('comes from a code that only the key named in the request can redeem', async () => {
    const flow = world.flow(desk());
    const allowed = await flow.allow([['scope', 'openid offline_access']]);
    const stranger = { dpop: [world.party('desk-signed').proof(at('/token'))] };
    expectVerdict(await flow.redeem(allowed, [], stranger), '400 invalid_grant code_key');
    const redeemed = await flow.redeem(allowed);
    const refreshToken = textIn(redeemed, 'refresh_token');
    // The client authenticates: its refresh token can be used with another key (RFC 9449 section 5), and never without one.
    const another = { dpop: [world.party('desk-signed').proof(at('/token'))] };
    const renewed = await flow.refresh(refreshToken, [], another);
    expectVerdict(renewed, 'accepted');
    const { cnf } = claimsIn(textIn(renewed, 'access_token'));
    expect(cnf).not.toEqual(claimsIn(textIn(redeemed, 'access_token'))['cnf']);
    expectVerdict(await flow.refresh(refreshToken, [], { dpop: [] }), '400 invalid_dpop_proof proof_missing');
    expectVerdict(await flow.refresh(refreshToken), 'accepted');
  });
});

describe('4: a token bound to a certificate', () => {
  const second = () => String(world.controlPlane.mutualTlsAddress);
  const shows = (own?: TestCertificate) => ({
    authorities: world.certificates.authority.certificatePem,
    ...(own === undefined ? {} : { certificatePem: own.certificatePem, privateKeyPem: own.privateKeyPem }),
  });
  type Name = 'desk-mtls' | 'desk-self';
  const ownOf = (name: Name) => (name === 'desk-mtls' ? world.certificates.issued : world.certificates.selfSigned);

  const post = (path: string, fields: Fields, own?: TestCertificate, headers: Readonly<Record<string, string>> = {}) =>
    world.party('desk-mtls').postOnly(path, fields, { to: second(), tls: shows(own), dpop: [], headers });

  /** The response to a redeemed code, with its refresh token. */
  async function redeem(name: Name, certificate = ownOf(name)): Promise<WireAnswer> {
    const allowed = await allow(name);
    return post(
      '/token',
      [
        ['client_id', name],
        ['grant_type', 'authorization_code'],
        ['code', allowed.code],
        ['redirect_uri', redirectUri],
        ['code_verifier', allowed.verifier],
      ],
      certificate,
    );
  }
  async function allow(name: Name): Promise<AllowedCode> {
    const pkce = createPkce();
    const flow = world.flow(world.party(name));
    const request: Fields = [['client_id', name], ...flow.request(pkce, [['scope', 'openid offline_access']])];
    const pushed = await post('/par', request, ownOf(name));
    const browser = personBrowser(world.issuer);
    const person = world.trading.firms.people.trader.id;
    const answer = await browser.authorize(flow.urlOf(textIn(pushed, 'request_uri')), { person });
    return { ...pkce, code: answer.searchParams.get('code') ?? '' };
  }
  const refresh = (name: Name, token: string, own: TestCertificate) =>
    post(
      '/token',
      [
        ['client_id', name],
        ['grant_type', 'refresh_token'],
        ['refresh_token', token],
      ],
      own,
    );
  const userinfo = (token: string, own?: TestCertificate, scheme = 'Bearer') =>
    send({
      method: 'GET',
      url: `${second()}/userinfo`,
      headers: { authorization: `${scheme} ${token}` },
      tls: shows(own),
    });
  /** For the same name and key, as for a renewed certificate. */
  const renewed = (name: Name) => {
    const { privateKeyPem } = ownOf(name);
    return name === 'desk-mtls'
      ? world.certificates.authority.issue({ subject: 'CN=desk,O=Arranger', privateKeyPem })
      : createSelfSigned({ subject: 'CN=desk-self', privateKeyPem });
  };

  it.each<Name>(['desk-mtls', 'desk-self'])('of %s is refused on any other connection', async (name) => {
    const redeemed = await redeem(name);
    expect(redeemed.members['token_type']).toBe('Bearer');
    const token = textIn(redeemed, 'access_token');
    expect(claimsIn(token)['cnf']).toEqual({ 'x5t#S256': ownOf(name).thumbprint });
    expectVerdict(await userinfo(token, ownOf(name)), 'accepted');
    const stranger = world.certificates.authority.issue({ subject: 'CN=another' });
    for (const other of [stranger, renewed(name)])
      expect(verdictOf(await userinfo(token, other))).toMatch(/^401 .*token_certificate_binding$/);
    expect(verdictOf(await userinfo(token))).toMatch(/^401 .*token_certificate_missing$/);
    expect(verdictOf(await userinfo(token, ownOf(name), 'DPoP'))).toMatch(/^401 .*token_scheme$/);
    const first = await send({ method: 'GET', url: at('/userinfo'), headers: { authorization: `Bearer ${token}` } });
    expect(verdictOf(first)).toMatch(/^401 .*token_certificate_missing$/);
  });

  it('is renewed with the certificate: earlier tokens stay bound to the old one', async () => {
    const redeemed = await redeem('desk-mtls');
    const fresh = renewed('desk-mtls');
    const refreshed = await refresh('desk-mtls', textIn(redeemed, 'refresh_token'), fresh);
    const token = textIn(refreshed, 'access_token');
    expect(claimsIn(token)['cnf']).toEqual({ 'x5t#S256': fresh.thumbprint });
    expectVerdict(await userinfo(token, fresh), 'accepted');
    expect(verdictOf(await userinfo(token, ownOf('desk-mtls')))).toMatch(/token_certificate_binding$/);
    // A self-signed certificate must be registered first.
    const own = await redeem('desk-self');
    expectVerdict(
      await refresh('desk-self', textIn(own, 'refresh_token'), renewed('desk-self')),
      '401 invalid_client client_certificate_unknown',
    );
  });

  it.each<readonly [string, string, () => TestCertificate | undefined, string]>([
    [
      'of an authority that nobody trusts',
      'desk-mtls',
      () => createTestAuthority({ name: 'another' }).issue({ subject: 'CN=desk,O=Arranger' }),
      '401 invalid_client client_certificate_untrusted',
    ],
    [
      'of an authority of the same name',
      'desk-mtls',
      () => createTestAuthority({ name: 'test authority' }).issue({ subject: 'CN=desk,O=Arranger' }),
      '401 invalid_client client_certificate_untrusted',
    ],
    [
      'of nobody but itself',
      'desk-mtls',
      () => createSelfSigned({ subject: 'CN=desk,O=Arranger' }),
      '401 invalid_client client_certificate_untrusted',
    ],
    [
      'for another name',
      'desk-mtls',
      () => world.certificates.authority.issue({ subject: 'CN=desk,O=Another' }),
      '401 invalid_client client_certificate_name',
    ],
    [
      'for more than the name',
      'desk-mtls',
      () => world.certificates.authority.issue({ subject: 'CN=desk,OU=x,O=Arranger' }),
      '401 invalid_client client_certificate_name',
    ],
    [
      'past its time',
      'desk-mtls',
      () => world.certificates.authority.issue({ subject: 'CN=desk,O=Arranger', notAfter: new Date('2021-01-01') }),
      '401 invalid_client client_certificate_expired',
    ],
    [
      'that is not the one that was registered',
      'desk-self',
      () => createSelfSigned({ subject: 'CN=desk-self' }),
      '401 invalid_client client_certificate_unknown',
    ],
    [
      'that is good for another client',
      'desk-self',
      () => world.certificates.issued,
      '401 invalid_client client_certificate_unknown',
    ],
    ['not at all', 'desk-mtls', () => undefined, '401 invalid_client client_authentication_missing'],
    [
      'where a key is registered',
      'desk-dpop',
      () => world.certificates.issued,
      '401 invalid_client client_authentication_method',
    ],
    [
      'where nobody is registered',
      'nobody',
      () => world.certificates.issued,
      '401 invalid_client client_authentication_method',
    ],
  ])('is not issued for a certificate %s', async (_, clientId, own, verdict) => {
    expectVerdict(await post('/par', [['client_id', clientId]], own()), verdict);
  });

  it('is not issued to a client that does not name itself, or that signs instead', async () => {
    const { issued } = world.certificates;
    expectVerdict(await post('/par', [], issued), '401 invalid_client client_id_missing');
    const { key } = desk();
    const assertion = signJwt(
      key,
      { alg: 'ES256', kid: key.kid },
      { iss: 'desk-mtls', sub: 'desk-mtls', aud: world.issuer, jti: 'x', exp: seconds() + 60 },
    );
    expectVerdict(
      await post('/par', credentials(assertion), issued),
      '401 invalid_client client_authentication_method',
    );
  });

  const header = () => `:${world.certificates.issued.der.toString('base64')}:`;

  it.each([
    'Client-Cert',
    'client-cert',
    'Client-Cert-Chain',
    'X-Forwarded-Client-Cert',
    'X-SSL-Client-Cert',
    'SSL-Client-Cert',
  ])('cannot be obtained by a header %s from anywhere: the whole request is refused', async (name) => {
    const fields: Fields = [['client_id', 'desk-mtls']];
    const refusal = /^400 .*client_certificate_header_untrusted$/;
    const plain = await world.party('desk-mtls').postOnly('/par', fields, { dpop: [], headers: { [name]: header() } });
    expect(verdictOf(plain)).toMatch(refusal);
    for (const own of [undefined, world.certificates.issued, world.certificates.selfSigned])
      expect(verdictOf(await post('/par', fields, own, { [name]: header() }))).toMatch(refusal);
    const resource = await send({ method: 'GET', url: at('/userinfo'), headers: { [name]: header() } });
    expect(verdictOf(resource)).toMatch(refusal);
  });
});

it('nothing of this failed with an internal error', () => {
  expect(faultsIn(world.logged())).toEqual([]);
});
