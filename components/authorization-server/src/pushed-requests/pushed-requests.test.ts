import { toInstant } from '@countersign/kernel';
import { fixedClock, makeKey } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type CodeFlowWorld,
  codeChallenge,
  createCodeFlowWorld,
  type Parameters,
  requestUriPrefix,
} from '../testing/code-flow-world.ts';
import { brokerBook, clearingTrades, deskRedirect, known, venueOrders } from '../testing/trading-world.ts';

let world: CodeFlowWorld;
beforeAll(async () => {
  world = await createCodeFlowWorld();
  world.world.changeClient('order-desk', { redirectUris: [deskRedirect] });
});
afterAll(() => world.close());
afterEach(() => world.audit.repair());

const push = (change: Parameters = {}) => world.push('trading-desk', world.deskRequest(change));
const pushDetail = (change: object) => push({ authorization_details: JSON.stringify([world.order(change)]) });
const refusedAs = (error: string, reason: string) => expect.objectContaining({ status: 400, error, reason });

describe('a pushed authorization request', () => {
  it('is answered with 201, a request URI of 256 bits and its lifetime once it is recorded', async () => {
    const answer: Record<string, unknown> = await push();
    expect(answer).toEqual({
      status: 201,
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:[\w-]{43}$/),
      expires_in: 300,
    });
    expect(world.audit.last()).toMatchObject({
      type: 'authorization.pushed',
      outcome: 'permit',
      client: 'trading-desk',
      scope: ['openid', 'order:create'],
      audience: [venueOrders],
      data: { redirect_uri: deskRedirect, signed: false, intents: [expect.stringMatching(/^[\w-]{43}$/)] },
    });
    const { state, nonce } = world.deskRequest();
    expect(JSON.stringify(world.audit.last())).not.toContain(String(answer['request_uri']));
    for (const secret of [state, nonce]) expect(JSON.stringify(world.audit.last())).not.toContain(`"${secret}"`);
  });

  it('is not answered if it cannot be recorded', async () => {
    world.audit.breakDown();
    expect(await push()).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
  });

  it('is stored under the hash of its URI', async () => {
    const { request_uri: uri }: Record<string, unknown> = await push();
    const secret = String(uri).slice(requestUriPrefix.length);
    const { rows } = await world.database
      .pool('authorization-server')
      .query<{ text: string }>('select pushed_requests::text as text from pushed_requests');
    expect(rows.length).toBeGreaterThan(0);
    for (const { text } of rows) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
      expect(text).not.toContain('client_assertion');
    }
  });

  it.each([
    ['response_type', 'invalid_request', 'parameter_missing'],
    ['redirect_uri', 'invalid_request', 'parameter_missing'],
    ['code_challenge', 'invalid_request', 'parameter_missing'],
    ['code_challenge_method', 'invalid_request', 'parameter_missing'],
    ['scope', 'invalid_scope', 'scope_missing'],
  ])('is refused without %s', async (name, error, reason) => {
    expect(await push({ [name]: undefined })).toEqual(refusedAs(error, reason));
    expect(await push({ [name]: '' })).toEqual(refusedAs(error, reason));
    expect(world.audit.last()).toMatchObject({ type: 'authorization.refused', outcome: 'deny', reason });
  });

  it('is refused without a resource if several interfaces offer the requested scopes', async () => {
    for (const resource of [undefined, ''])
      expect(await push({ resource, scope: 'order:read' })).toEqual(refusedAs('invalid_target', 'target_missing'));
  });

  it('may omit the resource if the client has only one interface', async () => {
    const { audiences } = known(world.world.directory.snapshot().client('trading-desk'));
    world.world.changeClient('trading-desk', { audiences: audiences.filter((uri) => uri === venueOrders) });
    expect(await push({ resource: undefined })).toMatchObject({ status: 201 });
    expect(world.audit.last()).toMatchObject({ type: 'authorization.pushed', audience: [venueOrders] });
    world.world.changeClient('trading-desk', { audiences });
  });

  it.each([
    'response_type',
    'redirect_uri',
    'scope',
    'authorization_details',
    'state',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'client_assertion',
    'client_assertion_type',
    'something_unknown',
  ])('is refused with %s sent twice', async (name) => {
    const answer = await world.push('trading-desk', world.deskRequest({ something_unknown: 'a' }), {
      raw: `&${name}=code`,
    });
    expect(answer).toEqual(refusedAs('invalid_request', 'form_repeated'));
  });

  it('is refused with two resources', async () => {
    const answer = await world.push('trading-desk', world.deskRequest(), {
      raw: `&resource=${encodeURIComponent(brokerBook)}`,
    });
    expect(answer).toEqual(refusedAs('invalid_target', 'target_ambiguous'));
  });

  it.each([
    ['state', 's'.repeat(513), 'invalid_request'],
    ['nonce', 'n'.repeat(513), 'invalid_request'],
    ['redirect_uri', `https://desk.example/${'r'.repeat(2_048)}`, 'invalid_request'],
    ['scope', 'order:create '.repeat(200).trim(), 'invalid_request'],
    ['resource', `https://venue.example/${'r'.repeat(2_048)}`, 'invalid_request'],
    ['authorization_details', `[${' '.repeat(32_768)}]`, 'invalid_request'],
    ['code_challenge', 'c'.repeat(129), 'invalid_request'],
    ['acr_values', 'a '.repeat(600).trim(), 'invalid_request'],
    ['login_hint', 'l'.repeat(257), 'invalid_request'],
    ['claims', `{"id_token":{"acr":{"values":["${'a'.repeat(5_000)}"]}}}`, 'invalid_request'],
    ['id_token_hint', 'i'.repeat(8_193), 'invalid_request'],
  ])('is refused with an oversized %s', async (name, value, error) => {
    expect(await push({ [name]: value })).toEqual(refusedAs(error, 'parameter_too_long'));
  });

  it('is refused with 413 if it is too large altogether', async () => {
    expect(await push({ something_unknown: 'x'.repeat(65_536) })).toMatchObject({
      status: 413,
      error: 'invalid_request',
      reason: 'form_too_large',
    });
  });

  it.each([
    'token',
    'id_token',
    'id_token token',
    'code token',
    'code id_token',
    'code id_token token',
    'none',
    'CODE',
    'code code',
    'code\u00e9',
  ])('is refused with the response type %s', async (value) => {
    expect(await push({ response_type: value })).toMatchObject({ status: 400 });
    expect(world.audit.last().reason).toMatch(/^(?:response_type_unsupported|parameter_malformed)$/);
  });

  it.each(['plain', 's256', 'S512', 'none'])('is refused with the PKCE method %s', async (value) => {
    expect(await push({ code_challenge_method: value })).toEqual(
      refusedAs('invalid_request', 'code_challenge_method_unsupported'),
    );
  });

  it.each([
    codeChallenge.slice(1),
    `${codeChallenge}=`,
    `${codeChallenge}A`,
    '!'.repeat(43),
    // The last character would carry bits beyond 32 octets.
    `${codeChallenge.slice(0, 42)}B`,
  ])('is refused with the code challenge %s', async (value) => {
    expect(await push({ code_challenge: value })).toEqual(refusedAs('invalid_request', 'parameter_malformed'));
  });

  it.each([
    ['with another case', 'https://desk.example/Callback'],
    ['with a host in capitals', 'https://DESK.example/callback'],
    ['with a slash at the end', 'https://desk.example/callback/'],
    ['without its path', 'https://desk.example/'],
    ['with path traversal', 'https://desk.example/x/../callback'],
    ['with encoded traversal', 'https://desk.example/x/%2e%2e/callback'],
    ['with a port', 'https://desk.example:8443/callback'],
    ['with the default port', 'https://desk.example:443/callback'],
    ['with http', 'http://desk.example/callback'],
    ['with a query', 'https://desk.example/callback?next=https://evil.example'],
    ['with an empty query', 'https://desk.example/callback?'],
    ['with a user', 'https://desk.example@evil.example/callback'],
    ['with a longer host', 'https://desk.example.evil.example/callback'],
    ['with a subdomain', 'https://evil.desk.example/callback'],
    ['with a longer path', 'https://desk.example/callbacks'],
    ['with a backslash', 'https://desk.example\\callback'],
    ['with an encoded letter', 'https://desk.example/c%61llback'],
    ['with a dot at the end of the host', 'https://desk.example./callback'],
    ['of a script', 'javascript:alert(1)'],
    ['of loopback', 'http://127.0.0.1/callback'],
    ['of another client', 'https://dashboard.example/callback'],
  ])('is refused with a redirect URI %s', async (_, value) => {
    expect(await push({ redirect_uri: value })).toEqual(refusedAs('invalid_request', 'redirect_uri_unregistered'));
  });

  it.each([
    ['a fragment', 'https://desk.example/callback#x'],
    ['a space', ' https://desk.example/callback'],
    ['a line break', 'https://desk.example/callback\n'],
    ['no scheme', '//desk.example/callback'],
  ])('is refused with a redirect URI with %s', async (_, value) => {
    expect(await push({ redirect_uri: value })).toEqual(refusedAs('invalid_request', 'parameter_malformed'));
  });

  it.each([
    ['of another client', 'trade:read', 'scope_not_allowed'],
    ['that is not one', 'order:fly', 'scope_unknown'],
    ['that stands for many', 'order:*', 'scope_generic'],
    ['of OpenID Connect claims that it is not registered for', 'openid profile', 'scope_not_allowed'],
    ['that the interface does not offer', 'order:create report:read', 'scope_not_offered'],
  ])('is refused with a scope %s', async (_, scope, reason) => {
    expect(await push({ scope })).toEqual(refusedAs('invalid_scope', reason));
  });

  it.each(['order:create  order:read', ' order:create', 'order:create\torder:read', 'order:"create"'])(
    'is refused with the malformed scope %j',
    async (scope) => {
      expect(await push({ scope })).toEqual(refusedAs('invalid_scope', 'scope_malformed'));
    },
  );

  it('is refused with scopes that must be separated', async () => {
    world.world.changeClient('order-desk', { grantTypes: ['authorization_code'] });
    const answer = await world.push('order-desk', world.deskRequest({ scope: 'order:create order:approve' }));
    expect(answer).toEqual(refusedAs('invalid_scope', 'scope_duties_combined'));
  });

  it('is refused from a client not registered for the code flow', async () => {
    world.world.changeClient('order-desk', { grantTypes: ['client_credentials'] });
    expect(await world.push('order-desk', world.deskRequest({ scope: 'order:create' }))).toEqual(
      refusedAs('unauthorized_client', 'grant_not_registered'),
    );
  });

  it.each([
    ['unknown', 'https://nowhere.example/', 'target_unknown'],
    ['not its own', clearingTrades, 'target_not_allowed'],
    ['relative', '/orders', 'resource_malformed'],
    ['with a fragment', `${venueOrders}#x`, 'resource_malformed'],
  ])('is refused for an interface that is %s', async (_, resource, reason) => {
    expect(await push({ resource })).toEqual(refusedAs('invalid_target', reason));
  });

  it.each([
    ['not JSON', '[{', 'details_malformed'],
    ['an object', '{}', 'details_malformed'],
    ['an empty list', '[]', 'details_malformed'],
    ['a number', '1', 'details_malformed'],
    ['a list of text', '["a"]', 'details_malformed'],
    ['of a type unknown', '[{"type":"payment"}]', 'details_malformed'],
    ['with a doubled key', '[{"type":"a","type":"b"}]', 'details_malformed'],
  ])('is refused with authorization details that are %s', async (_, details, reason) => {
    expect(await push({ authorization_details: details })).toEqual(refusedAs('invalid_authorization_details', reason));
  });

  it.each([
    ['a field unknown', { leverage: '10' }, 'details_malformed'],
    ['a field of the wrong type', { max_qty: 100 }, 'details_malformed'],
    ['a time that has passed', { not_after: '2026-11-23T10:00:00Z' }, 'details_expired'],
    ['a place elsewhere', { locations: [clearingTrades] }, 'details_location'],
  ])('is refused with an intent with %s', async (_, change, reason) => {
    expect(await pushDetail(change)).toEqual(refusedAs('invalid_authorization_details', reason));
  });

  it('is refused with more intents than a page can show', async () => {
    const orders = Array.from({ length: 9 }, (_, index) => world.order({ idempotency_key: `order-000${index}` }));
    expect(await push({ authorization_details: JSON.stringify(orders.slice(0, 8)) })).toMatchObject({ status: 201 });
    expect(await push({ authorization_details: JSON.stringify(orders) })).toEqual(
      refusedAs('invalid_authorization_details', 'details_malformed'),
    );
  });

  it('is refused with an intent of a type that the client is not registered for', async () => {
    const { detailTypes } = world.world.directory.snapshot().client('trading-desk') ?? { detailTypes: [] };
    world.world.changeClient('trading-desk', { detailTypes: ['urn:countersign:rar:v1:rfq'] });
    expect(await push()).toEqual(refusedAs('invalid_authorization_details', 'details_not_allowed'));
    world.world.changeClient('trading-desk', { detailTypes });
  });

  it.each(['fragment', 'form_post', 'fragment.jwt', 'form_post.jwt', 'JWT'])(
    'is refused with the response mode %s',
    async (mode) => {
      expect(await push({ response_mode: mode })).toEqual(refusedAs('invalid_request', 'response_mode_unsupported'));
    },
  );

  it.each([
    ['prompt', 'none login', 'prompt_contradictory'],
    ['prompt', 'create', 'parameter_malformed'],
    ['max_age', '-1', 'parameter_malformed'],
    ['max_age', '1.5', 'parameter_malformed'],
    ['state', 'tab\t', 'parameter_malformed'],
    ['dpop_jkt', 'short', 'parameter_malformed'],
    ['claims', '{"id_token":[]}', 'parameter_malformed'],
  ])('is refused with %s=%s', async (name, value, reason) => {
    expect(await push({ [name]: value })).toEqual(refusedAs('invalid_request', reason));
  });

  it('is refused with a request_uri inside', async () => {
    expect(await push({ request_uri: `${requestUriPrefix}${'a'.repeat(43)}` })).toEqual(
      refusedAs('invalid_request', 'request_uri_inside'),
    );
  });

  it('is refused with the client_id of another client', async () => {
    expect(await push({ client_id: 'dashboard' })).toMatchObject({ status: 401, reason: 'client_id_differs' });
  });

  it('ignores unknown parameters', async () => {
    expect(await push({ display: 'popup', ui_locales: 'de', foo: 'bar' })).toMatchObject({ status: 201 });
  });

  it('never causes an internal error, whatever is sent', async () => {
    const names = ['response_type', 'redirect_uri', 'scope', 'resource', 'authorization_details', 'claims', 'request'];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names, 'prompt', 'max_age', 'acr_values', 'dpop_jkt', 'grant_id', 'id_token_hint'),
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 200 }),
          fc.json(),
          fc.constantFrom('__proto__', '[[[[', 'null'),
        ),
        async (name, value) => {
          const { status } = await push({ [name]: value });
          expect([201, 400]).toContain(status);
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);
});

describe('the key of a DPoP proof at the push', () => {
  it('binds the later code as dpop_jkt does', async () => {
    const key = makeKey();
    for (const given of [{}, { dpop_jkt: key.kid }]) {
      const answer: Record<string, unknown> = await world.push('trading-desk', world.deskRequest(given), {
        dpop: world.proof(key),
      });
      const found = await world.pushedRequests.find(String(answer['request_uri']));
      expect(found?.parameters.get('dpop_jkt')).toBe(key.kid);
    }
  });

  it('must match dpop_jkt', async () => {
    const answer = await world.push('trading-desk', world.deskRequest({ dpop_jkt: makeKey().kid }), {
      dpop: world.proof(makeKey()),
    });
    expect(answer).toEqual(refusedAs('invalid_dpop_proof', 'dpop_key_differs'));
  });

  it('is verified: a proof for another address is refused', async () => {
    const answer = await world.push('trading-desk', world.deskRequest(), {
      dpop: world.proof(makeKey(), { htu: `${world.issuer}/token` }),
    });
    expect(answer).toEqual(refusedAs('invalid_dpop_proof', 'proof_url'));
  });
});

describe('a signed request object', () => {
  const claims = () => ({
    ...world.deskRequest({ authorization_details: undefined }),
    authorization_details: [world.order()],
  });
  const pushObject = (change: object = {}, header: object = {}, outside: Parameters = {}) =>
    world.push('trading-desk', {
      request: world.requestObject('trading-desk', claims(), change, header),
      ...outside,
    });

  it('is accepted, and parameters outside it are ignored', async () => {
    const answer: Record<string, unknown> = await pushObject(
      {},
      {},
      {
        scope: 'order:create order:read',
        redirect_uri: 'https://evil.example/',
        state: 'outside',
        response_type: 'token',
      },
    );
    expect(answer).toMatchObject({ status: 201 });
    const found = await world.pushedRequests.find(String(answer['request_uri']));
    expect(found?.parameters.get('state')).toBe('state-1');
    expect(found?.parameters.get('redirect_uri')).toBe(deskRedirect);
    expect(world.audit.last()).toMatchObject({ scope: ['openid', 'order:create'], data: { signed: true } });
  });

  it('takes no parameter from outside', async () => {
    expect(await pushObject({ code_challenge: undefined }, {}, { code_challenge: codeChallenge })).toEqual(
      refusedAs('invalid_request', 'parameter_missing'),
    );
  });

  it.each([
    ['for another audience', { aud: 'https://other.example' }, {}, 'request_object_audience'],
    ['of another issuer', { iss: 'dashboard' }, {}, 'request_object_issuer'],
    ['with another client_id', { client_id: 'dashboard' }, {}, 'request_object_client'],
    ['without nbf', { nbf: undefined }, {}, 'request_object_time'],
    ['without exp', { exp: undefined }, {}, 'request_object_time'],
    ['with an nbf over an hour old', { nbf: Date.parse('2026-11-23T08:59:59Z') / 1000 }, {}, 'request_object_time'],
    ['that has expired', { exp: Date.parse('2026-11-23T10:00:00Z') / 1000 }, {}, 'request_object_expired'],
    ['good for over an hour', { exp: Date.parse('2026-11-23T11:00:01Z') / 1000 }, {}, 'request_object_lifetime'],
    ['of another type', {}, { typ: 'at+jwt' }, 'request_object_type'],
    ['with a request_uri inside', { request_uri: 'urn:x' }, {}, 'request_object_nested'],
    ['with a request inside', { request: 'x.y.z' }, {}, 'request_object_nested'],
    ['whose subject is the client', { sub: 'trading-desk' }, {}, 'request_object_subject'],
    ['with a jti that is not text', { jti: 1 }, {}, 'request_object_parameter'],
    ['that names no key', {}, { kid: 'other' }, 'request_object_key'],
    ['without a signature', {}, { alg: 'none' }, 'request_object_algorithm'],
  ])('is refused %s', async (_, change, header, reason) => {
    expect(await pushObject(change, header)).toEqual(refusedAs('invalid_request_object', reason));
    expect(world.audit.last()).toMatchObject({ type: 'authorization.refused', client: 'trading-desk', reason });
  });

  it('with an id works once among twenty simultaneous requests on two nodes', async () => {
    const other = world.node();
    const request = world.requestObject('trading-desk', claims(), { jti: 'object-1' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        world.push('trading-desk', { request }, index % 2 === 0 ? {} : { app: other.app }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(
      answers.filter((answer: Record<string, unknown>) => answer['reason'] === 'request_object_replayed'),
    ).toHaveLength(19);
  });

  it('is refused again after a clock ran ahead, removed its id, and was set back', async () => {
    const clock = fixedClock(Date.now() - 86_400_000);
    const own = await createCodeFlowWorld({ clock });
    own.world.changeClient('order-desk', { redirectUris: [deskRedirect] });
    const order = own.order({ not_after: toInstant(clock.now() + 86_400_000) });
    const parameters = {
      ...own.deskRequest({ authorization_details: undefined }),
      authorization_details: [order],
    };
    const request = own.requestObject('trading-desk', parameters, { jti: 'object-1' });
    expect(await own.push('trading-desk', { request })).toMatchObject({ status: 201 });
    clock.advance(2 * 3_600_000);
    expect(await own.pushedRequests.sweep()).toBe(2);
    clock.advance(-2 * 3_600_000);
    expect(await own.push('trading-desk', { request })).toMatchObject({
      status: 503,
      error: 'temporarily_unavailable',
      reason: 'clock_stepped_back',
    });
    const plain = own.deskRequest({ authorization_details: JSON.stringify([order]) });
    expect(await own.push('trading-desk', plain)).toMatchObject({ status: 201 });
    await own.close();
  });

  it('is required from a client registered for it', async () => {
    world.world.changeClient('trading-desk', { requireSignedRequest: true });
    expect(await push()).toEqual(refusedAs('invalid_request', 'signed_request_required'));
    expect(await pushObject()).toMatchObject({ status: 201 });
    world.world.changeClient('trading-desk', { requireSignedRequest: false });
  });
});

describe('a client with many pending requests', () => {
  it('is refused with 429 until they expire, and other clients are not', async () => {
    const small = await createCodeFlowWorld({ options: { maxOutstanding: 3, requestUriLifetimeSeconds: 90 } });
    for (let index = 0; index < 3; index++)
      expect(await small.push('trading-desk', small.deskRequest())).toMatchObject({ status: 201, expires_in: 90 });
    expect(await small.push('trading-desk', small.deskRequest())).toMatchObject({
      status: 429,
      error: 'too_many_requests',
      reason: 'too_many_outstanding',
    });
    const dashboard = small.deskRequest({
      redirect_uri: 'https://dashboard.example/callback',
      scope: 'openid',
      resource: undefined,
      authorization_details: undefined,
    });
    expect(await small.push('dashboard', dashboard)).toMatchObject({ status: 201 });
    small.clock.advance(90_000);
    expect(await small.push('trading-desk', small.deskRequest())).toMatchObject({ status: 201 });
    await small.close();
  });
});

describe('a stored pushed request', () => {
  it('is removed once nobody can decide on it', async () => {
    const own = await createCodeFlowWorld();
    const uri = await own.pushed();
    own.clock.advance(300_000 + 899_000);
    expect(await own.pushedRequests.sweep()).toBe(0);
    expect(await own.pushedRequests.find(uri)).toBeDefined();
    own.clock.advance(2_000);
    expect(await own.pushedRequests.sweep()).toBe(1);
    expect(await own.pushedRequests.find(uri)).toBeUndefined();
    await own.close();
  });
});
