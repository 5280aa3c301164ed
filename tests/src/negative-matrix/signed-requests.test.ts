import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { createPkce } from '../testing/code-flow.ts';
import { doors } from '../testing/firms.ts';
import { expectVerdict, faultsIn, type Verdict, verdictOf } from '../testing/negative-matrix.ts';
import { personBrowser } from '../testing/person-browser.ts';
import { type Change, claimsIn, type Fields, seconds, signJwt } from '../testing/raw-client.ts';
import { dashboardRedirectUri, redirectUri } from '../testing/relying-parties.ts';
import { send } from '../testing/wire.ts';

// Signed requests (RFC 9101, FAPI 2.0 Message Signing section 5.3), and which place counts when parameters occur more than
// once (RFC 9101 section 6.3, RFC 9126 section 4).

let world: AuthorizationWorld;
let accepted = 0;

beforeAll(async () => {
  world = await openAuthorizationWorld();
});
afterAll(() => world?.stop());

const signer = () => world.party('desk-signed');
const plain = () => world.party('desk-dpop');
const pkce = createPkce();

/** RFC 9101 section 4: numbers and JSON in their own types, not as text. */
function parameters(): Change {
  return {
    response_type: 'code',
    redirect_uri: redirectUri,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    scope: 'openid order:create',
    resource: doors.broker,
    authorization_details: [world.trading.order(world.mandate)],
    state: 'inside',
    max_age: 300,
  };
}

async function push(object: string, beside: Fields = []) {
  const answer = await signer().post('/par', [['request', object], ...beside]);
  if (verdictOf(answer) === 'accepted') accepted += 1;
  return answer;
}

const wrong = (rule: string): Verdict => `400 invalid_request_object request_object_${rule}`;

describe('a request object is accepted', () => {
  it.each<readonly [string, Change, Change]>([
    ['as it should be', {}, {}],
    ['for several audiences, of which we are one', { aud: ['https://another.example', 'us'] }, {}],
    ['with the type JWT', {}, { typ: 'JWT' }],
    ['without a type', {}, { typ: undefined }],
    ['without an id', { jti: undefined }, {}],
    ['begun 59 minutes ago', { nbf: seconds() - 3_540, exp: seconds() + 60 }, {}],
  ])('%s', async (_, claims, header) => {
    const us = Array.isArray(claims['aud']) ? { aud: ['https://another.example', world.issuer] } : {};
    expectVerdict(await push(signer().requestObject(parameters(), { ...claims, ...us }, header)), 'accepted');
  });
});

describe('a request object is refused', () => {
  it.each<readonly [string, () => Change, Verdict]>([
    ['for nobody', () => ({ aud: undefined }), wrong('audience')],
    ['for another server', () => ({ aud: 'https://another.example' }), wrong('audience')],
    ['for our token endpoint', () => ({ aud: `${world.issuer}/token` }), wrong('audience')],
    ['for our PAR endpoint', () => ({ aud: [`${world.issuer}/par`] }), wrong('audience')],
    ['for our issuer with a slash more', () => ({ aud: `${world.issuer}/` }), wrong('audience')],
    ['for an audience that is not text', () => ({ aud: [[world.issuer]] }), wrong('audience')],
    ['without a beginning', () => ({ nbf: undefined }), wrong('time')],
    ['with a beginning that is text', () => ({ nbf: String(seconds()) }), wrong('time')],
    ['without an end', () => ({ exp: undefined }), wrong('time')],
    ['begun more than an hour ago', () => ({ nbf: seconds() - 3_610, exp: seconds() + 5 }), wrong('time')],
    ['that begins in the future', () => ({ nbf: seconds() + 30 }), wrong('time')],
    ['issued in the future', () => ({ iat: seconds() + 30 }), wrong('time')],
    ['that has ended', () => ({ nbf: seconds() - 60, exp: seconds() - 1 }), wrong('expired')],
    ['for more than an hour', () => ({ exp: seconds() + 3_700 }), wrong('lifetime')],
    ['of nobody', () => ({ iss: undefined }), wrong('issuer')],
    ['of another client', () => ({ iss: 'desk-dpop' }), wrong('issuer')],
    ['that names no client', () => ({ client_id: undefined }), wrong('client')],
    ['that names another client', () => ({ client_id: 'desk-dpop' }), wrong('client')],
    ['about the client itself, as a client assertion is', () => ({ sub: 'desk-signed' }), wrong('subject')],
    ['with another inside', () => ({ request: signer().requestObject(parameters()) }), wrong('nested')],
    ['with an address inside', () => ({ request_uri: 'https://desk.example/request' }), wrong('nested')],
    ['that holds U+0000 in an unknown parameter', () => ({ other: ['\u0000'] }), wrong('malformed')],
    ['with an id that is not text', () => ({ jti: 1 }), wrong('parameter')],
    ['with an id without end', () => ({ jti: 'x'.repeat(257) }), wrong('parameter')],
    ['with a state that is a number', () => ({ state: 1 }), '400 invalid_request parameter_malformed'],
    ['with a list of scopes', () => ({ scope: ['openid'] }), '400 invalid_scope scope_malformed'],
    ['with two redirect URIs', () => ({ redirect_uri: [redirectUri] }), '400 invalid_request parameter_malformed'],
    ['with a max_age below nothing', () => ({ max_age: -1 }), '400 invalid_request parameter_malformed'],
    [
      'with a method of proof that is plain',
      () => ({ code_challenge_method: 'plain' }),
      '400 invalid_request code_challenge_method_unsupported',
    ],
    ['that wants an unsigned answer', () => ({ response_mode: 'query' }), '400 invalid_request response_mode_unsigned'],
    [
      'bound to another key than the proof',
      () => ({ dpop_jkt: plain().proofKey.kid }),
      '400 invalid_dpop_proof dpop_key_differs',
    ],
  ])('%s', async (_, claims, verdict) => {
    const object = signer().requestObject(parameters(), claims());
    expectVerdict(await push(object), verdict, [['request', object]]);
  });

  it.each<readonly [string, () => Change, Verdict]>([
    ['of an access token', () => ({ typ: 'at+jwt' }), wrong('type')],
    ['of a proof', () => ({ typ: 'dpop+jwt' }), wrong('type')],
    ['of a client assertion', () => ({ typ: 'client-authentication+jwt' }), wrong('type')],
    ['of no algorithm', () => ({ alg: 'none' }), wrong('algorithm')],
    ['of no algorithm in another spelling', () => ({ alg: 'nOnE' }), wrong('algorithm')],
    ['of a shared secret', () => ({ alg: 'HS256' }), wrong('algorithm')],
    ['of RSA, which the key is not', () => ({ alg: 'PS256' }), wrong('key')],
    ['of a key that is not registered', () => ({ kid: 'another' }), wrong('key')],
    ['with a key of its own', () => ({ jwk: signer().key.publicJwk }), wrong('malformed')],
    ['with the address of its keys', () => ({ jku: 'https://desk.example/jwks' }), wrong('malformed')],
    ['with the address of its certificate', () => ({ x5u: 'https://desk.example/x5u' }), wrong('malformed')],
    ['with an extension that must be understood', () => ({ crit: ['b64'], b64: false }), wrong('malformed')],
    ['compressed', () => ({ zip: 'DEF' }), wrong('malformed')],
  ])('by its header: %s', async (_, header, verdict) => {
    const object = signer().requestObject(parameters(), {}, header());
    expectVerdict(await push(object), verdict, [['request', object]]);
  });

  it('signed with the key of another client', async () => {
    const { key } = plain();
    const header = { alg: 'ES256', typ: 'oauth-authz-req+jwt' };
    const claims = claimsIn(signer().requestObject(parameters()));
    expectVerdict(await push(signJwt(key, { ...header, kid: key.kid }, claims)), wrong('key'));
    expectVerdict(await push(signJwt(key, { ...header, kid: signer().key.kid }, claims)), wrong('signature'));
  });

  it('used before', async () => {
    const object = signer().requestObject(parameters());
    expectVerdict(await push(object), 'accepted');
    expectVerdict(await push(object), wrong('replayed'));
  });

  it('and is not used up by a request that was refused for another reason', async () => {
    const jti = 'kept';
    expectVerdict(
      await push(signer().requestObject(parameters(), { jti, scope: 'order:burn' })),
      '400 invalid_scope scope_unknown',
    );
    expectVerdict(await push(signer().requestObject(parameters(), { jti })), 'accepted');
  });

  it('when it is missing, and the client is registered to sign', async () => {
    const { authorization_details: _details, max_age: _age, ...texts } = parameters();
    const fields = Object.entries(texts).map(([name, value]) => [name, String(value)] as const);
    expectVerdict(await signer().post('/par', fields), '400 invalid_request signed_request_required');
  });
});

it('a request object is accepted in whatever case its type is written (RFC 7515 section 4.1.9)', async () => {
  for (const typ of ['OAUTH-AUTHZ-REQ+JWT', 'application/oauth-authz-req+jwt'])
    expectVerdict(await push(signer().requestObject(parameters(), {}, { typ })), 'accepted');
});

describe('parameters in more than one place', () => {
  it('count as in the object, and are ignored beside it (RFC 9101 section 6.3)', async () => {
    const { scope: _scope, ...without } = parameters();
    const beside: Fields = [
      ['scope', 'openid'],
      ['state', 'outside'],
      ['redirect_uri', 'https://evil.example'],
    ];
    expectVerdict(await push(signer().requestObject(without), beside), '400 invalid_scope scope_missing');
    const pushed = await push(signer().requestObject(parameters()), beside);
    const location = await personBrowser(world.issuer).authorize(
      world.flow(signer()).urlOf(String(pushed.members['request_uri'])),
      { person: world.trading.firms.people.trader.id },
    );
    expect(location.origin + location.pathname).toBe(redirectUri);
    expect(claimsIn(location.searchParams.get('response') ?? '')).toMatchObject({
      iss: world.issuer,
      aud: 'desk-signed',
      state: 'inside',
    });
  });

  it('count as pushed, and are ignored at the authorization endpoint (RFC 9126 section 4)', async () => {
    const flow = world.flow(plain());
    const uri = await flow.push(
      flow.request(pkce, [
        ['scope', 'openid'],
        ['state', 'pushed'],
      ]),
    );
    const beside = new URLSearchParams({
      scope: 'order:burn',
      state: 'outside',
      redirect_uri: 'https://evil.example',
      response_type: 'token',
      response_mode: 'fragment',
      code_challenge: 'x',
      prompt: 'none',
      request: plain().requestObject({ scope: 'order:create', state: 'object' }),
    });
    const location = await personBrowser(world.issuer).authorize(`${flow.urlOf(uri)}&${beside.toString()}`, {
      person: world.trading.firms.people.trader.id,
    });
    expect(location.origin + location.pathname).toBe(redirectUri);
    expect(Object.fromEntries(location.searchParams)).toEqual({
      code: expect.any(String),
      state: 'pushed',
      iss: world.issuer,
    });
  });

  const visit = (query: Readonly<Record<string, string>>) =>
    send({ method: 'GET', url: `${world.issuer}/authorize?${new URLSearchParams(query).toString()}` });

  /** What an ordinary relying party may send without pushing. */
  const plainRequest = {
    client_id: 'dashboard',
    response_type: 'code',
    redirect_uri: dashboardRedirectUri,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    scope: 'openid',
  };

  it('may not name another client than the one that pushed them', async () => {
    const flow = world.flow(plain());
    const request_uri = await flow.push(flow.request(pkce));
    for (const client_id of ['desk-signed', 'dashboard'])
      expectVerdict(await visit({ client_id, request_uri }), '400 page request_uri_unknown');
    expectVerdict(await visit({ request_uri }), '400 page client_id_missing');
  });

  it('cannot be sent to the authorization endpoint in an object, by any client', async () => {
    const object = (name: 'desk-signed' | 'desk-dpop' | 'dashboard') =>
      world
        .party(name)
        .requestObject({ ...parameters(), redirect_uri: name === 'dashboard' ? dashboardRedirectUri : redirectUri });
    for (const client_id of ['desk-signed', 'desk-dpop'] as const)
      expectVerdict(await visit({ client_id, request: object(client_id) }), '400 page pushed_request_required');
    // The error goes to the client if its redirect URI is beside the object, and to the person otherwise.
    const request = object('dashboard');
    expectVerdict(await visit({ client_id: 'dashboard', request }), '400 page parameter_missing');
    expectVerdict(await visit({ ...plainRequest, request }), '303 request_not_supported');
  });

  it('are never fetched from an address that the request names', async () => {
    let visited = 0;
    const server = createServer((_request, response) => {
      visited += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const request_uri = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/request`;
    for (const client_id of ['desk-signed', 'desk-dpop'])
      expectVerdict(await visit({ client_id, request_uri }), '400 page request_uri_unknown');
    expectVerdict(await visit({ ...plainRequest, request_uri }), '303 request_uri_not_supported');
    expectVerdict(await plain().post('/par', [['request_uri', request_uri]]), '400 invalid_request request_uri_inside');
    const header = { jku: request_uri, kid: 'elsewhere' };
    expectVerdict(await push(signer().requestObject(parameters(), {}, header)), wrong('malformed'));
    expect(visited).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('after all of that', () => {
  it('the log holds what was accepted, and nothing else', async () => {
    expect(await world.recorded(signer(), 'authorization.pushed')).toBe(accepted);
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
