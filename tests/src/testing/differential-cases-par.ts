import { type Case, push, pushing } from './differential-case.ts';
import { observe } from './differential-observation.ts';
import {
  assertionOf,
  proofOf,
  requestedOf,
  requestObjectOf,
  seconds,
  type TokenChange,
} from './differential-requests.ts';
import type { Side } from './differential-side.ts';

const without = (name: string): Case => pushing(`without ${name}`, { form: { [name]: undefined } });
const doubled = (name: string): Case =>
  pushing(`${name} twice`, (side) => {
    const value = new Map(Object.entries(requestedOf(side, 'desk'))).get(name) ?? 'value';
    return { form: { [name]: [value, value] } };
  });
const changed = (what: string, form: Readonly<Record<string, string>>): Case => pushing(what, { form });

/** The parameters of an authorization request, one wrong at a time. */
const parameters: readonly Case[] = [
  pushing('a request as it should be', {}),
  ...[
    'response_type',
    'client_id',
    'redirect_uri',
    'scope',
    'resource',
    'authorization_details',
    'code_challenge',
    'code_challenge_method',
    'state',
    'nonce',
  ].map(without),
  ...['response_type', 'redirect_uri', 'scope', 'state', 'code_challenge', 'resource', 'authorization_details'].map(
    doubled,
  ),
  changed('an empty redirect_uri', { redirect_uri: '' }),
  changed('an unknown parameter', { colour: 'green' }),
  changed('response_type token', { response_type: 'token' }),
  changed('response_type code id_token', { response_type: 'code id_token' }),
  changed('response_type none', { response_type: 'none' }),
  changed('response_mode query', { response_mode: 'query' }),
  changed('response_mode fragment', { response_mode: 'fragment' }),
  changed('response_mode form_post', { response_mode: 'form_post' }),
  changed('response_mode jwt', { response_mode: 'jwt' }),
  changed('response_mode query.jwt', { response_mode: 'query.jwt' }),
  changed('response_mode fragment.jwt', { response_mode: 'fragment.jwt' }),
  changed('response_mode unknown', { response_mode: 'pigeon' }),
  changed('redirect_uri that is not registered', { redirect_uri: 'https://thief.example/callback' }),
  changed('redirect_uri with a query added', { redirect_uri: 'https://desk.example/callback?more=1' }),
  changed('redirect_uri with a path added', { redirect_uri: 'https://desk.example/callback/more' }),
  changed('redirect_uri with a fragment', { redirect_uri: 'https://desk.example/callback#here' }),
  changed('redirect_uri that is relative', { redirect_uri: '/callback' }),
  changed('redirect_uri in another case', { redirect_uri: 'https://DESK.example/callback' }),
  changed('code_challenge_method plain', { code_challenge_method: 'plain' }),
  changed('code_challenge_method s256', { code_challenge_method: 's256' }),
  changed('code_challenge too short', { code_challenge: 'abc' }),
  changed('code_challenge with a sign that base64url lacks', {
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM',
  }),
  changed('code_challenge of 128 characters', { code_challenge: 'a'.repeat(128) }),
  changed('scope unknown', { scope: 'openid order:create order:everything' }),
  changed('scope that the client may not have', { scope: 'openid settlement:instruct' }),
  changed('scope with a quotation mark', { scope: 'openid "order:create"' }),
  changed('scope openid alone, for an order', { scope: 'openid' }),
  changed('offline_access without prompt=consent', { scope: 'openid offline_access order:create' }),
  changed('resource that is relative', { resource: '/orders' }),
  changed('resource with a fragment', { resource: 'https://broker.example/orders#now' }),
  changed('resource unknown', { resource: 'https://nobody.example/orders' }),
  changed('resource that the client may not have', { resource: 'https://venue.example/orders' }),
  changed('authorization_details that are no JSON', { authorization_details: '[{' }),
  changed('authorization_details that are an object', { authorization_details: '{"type":"x"}' }),
  changed('authorization_details that are an empty array', { authorization_details: '[]' }),
  changed('authorization_details of strings', { authorization_details: '["x"]' }),
  changed('authorization_details without type', { authorization_details: '[{"actions":["create"]}]' }),
  changed('authorization_details of an unknown type', { authorization_details: '[{"type":"urn:example:unknown"}]' }),
  changed('authorization_details of a type that the client may not have', {
    authorization_details: '[{"type":"urn:countersign:rar:v1:withdrawal"}]',
  }),
  pushing('authorization_details with an unknown field', (side) => ({
    form: { authorization_details: JSON.stringify([{ ...side.order(), colour: 'green' }]) },
  })),
  pushing('authorization_details without a field that is needed', (side) => ({
    form: { authorization_details: JSON.stringify([{ ...side.order(), entity_lei: undefined }]) },
  })),
  pushing('authorization_details with one member twice', (side) => ({
    form: {
      authorization_details: JSON.stringify([side.order()]).replace('"side":"BUY"', '"side":"SELL","side":"BUY"'),
    },
  })),
  pushing('two authorization_details', (side) => ({
    form: { authorization_details: JSON.stringify([side.order(), side.order()]) },
  })),
  pushing('authorization_details whose time has passed', (side) => ({
    form: { authorization_details: JSON.stringify([side.order({ not_after: '2020-01-01T00:00:00Z' })]) },
  })),
  pushing('authorization_details for another place than the resource', (side) => ({
    form: { authorization_details: JSON.stringify([side.order({ locations: ['https://venue.example/orders'] })]) },
  })),
  changed('prompt unknown', { prompt: 'dance' }),
  changed('prompt none with another', { prompt: 'none login' }),
  changed('prompt none', { prompt: 'none' }),
  changed('max_age negative', { max_age: '-1' }),
  changed('max_age that is no number', { max_age: 'soon' }),
  changed('max_age with a fraction', { max_age: '1.5' }),
  changed('max_age in another notation', { max_age: '1e3' }),
  changed('acr_values', { acr_values: 'urn:countersign:acr:development' }),
  changed('login_hint', { login_hint: 'anna' }),
  changed('id_token_hint that is no JWT', { id_token_hint: 'nonsense' }),
  changed('claims that are no JSON', { claims: '{' }),
  changed('claims that are an array', { claims: '[]' }),
  changed('claims whose member is a string', { claims: '{"id_token":{"acr":"x"}}' }),
  changed('registration', { registration: '{}' }),
  changed('display and ui_locales', { display: 'page', ui_locales: 'de' }),
  changed('state of 600 characters', { state: 's'.repeat(600) }),
  changed('nonce of 600 characters', { nonce: 'n'.repeat(600) }),
  changed('state with a line break', { state: 'a\nb' }),
  changed('a request_uri inside', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }),
  changed('a request object and a request_uri', { request: 'x', request_uri: 'urn:ietf:params:oauth:request_uri:x' }),
];

const basic = `Basic ${Buffer.from('desk:secret').toString('base64')}`;

/** Client authentication. */
const authentication: readonly Case[] = [
  pushing('without client_assertion', { form: { client_assertion: undefined } }),
  pushing('without client_assertion_type', { form: { client_assertion_type: undefined } }),
  pushing('client_assertion_type unknown', { form: { client_assertion_type: 'urn:example:jwt' } }),
  pushing('client_assertion twice', (side) => ({
    form: { client_assertion: [assertionOf(side, 'desk'), assertionOf(side, 'desk')] },
  })),
  pushing('client_id twice', { form: { client_id: ['desk', 'desk'] } }),
  pushing('a client that does not exist', {
    form: { client_id: 'nobody' },
    assertion: { claims: { iss: 'nobody', sub: 'nobody' } },
  }),
  pushing('client_id of another client', { form: { client_id: 'other-desk' } }),
  pushing('a client_secret beside the assertion', { form: { client_secret: 'secret' } }),
  pushing('a client_secret instead of the assertion', {
    form: { client_assertion: undefined, client_assertion_type: undefined, client_secret: 'secret' },
  }),
  pushing('HTTP Basic beside the assertion', { headers: { authorization: basic } }),
  pushing('HTTP Basic instead of the assertion', {
    form: { client_assertion: undefined, client_assertion_type: undefined },
    headers: { authorization: basic },
  }),
  ...(
    [
      ['aud is the token endpoint', (side) => ({ claims: { aud: side.url('token') } })],
      ['aud is the PAR endpoint', (side) => ({ claims: { aud: side.url('par') } })],
      ['aud is an array of the issuer', (side) => ({ claims: { aud: [side.issuer] } })],
      ['aud is the issuer with a slash', (side) => ({ claims: { aud: `${side.issuer}/` } })],
      ['aud is another server', { claims: { aud: 'https://other.example' } }],
      ['no aud', { claims: { aud: undefined } }],
      ['iss is another client', { claims: { iss: 'other-desk' } }],
      ['sub is another client', { claims: { sub: 'other-desk' } }],
      ['no iss', { claims: { iss: undefined } }],
      ['no sub', { claims: { sub: undefined } }],
      ['no exp', { claims: { exp: undefined } }],
      ['exp is text', { claims: { exp: 'tomorrow' } }],
      ['expired', () => ({ claims: { iat: seconds() - 200, exp: seconds() - 100 } })],
      ['expired five seconds ago', () => ({ claims: { iat: seconds() - 60, exp: seconds() - 5 } })],
      ['valid for an hour', () => ({ claims: { exp: seconds() + 3_600 } })],
      ['iat five seconds ahead', () => ({ claims: { iat: seconds() + 5 } })],
      ['iat ten minutes ahead', () => ({ claims: { iat: seconds() + 600, exp: seconds() + 660 } })],
      ['nbf ten minutes ahead', () => ({ claims: { nbf: seconds() + 600 } })],
      ['no iat', { claims: { iat: undefined } }],
      ['no jti', { claims: { jti: undefined } }],
      ['jti of 200 characters', () => ({ claims: { jti: `${'j'.repeat(180)}${Math.random()}` } })],
      ['alg none', { by: 'nobody' }],
      ['alg HS256', { by: 'a shared secret' }],
      ['signed by another client', (side) => ({ by: side.key('other-desk') })],
      ['kid unknown', { header: { kid: 'nobody' } }],
      ['no kid', { header: { kid: undefined } }],
      ['typ of a DPoP proof', { header: { typ: 'dpop+jwt' } }],
      ['typ of an access token', { header: { typ: 'at+jwt' } }],
      ['typ client-authentication+jwt', { header: { typ: 'client-authentication+jwt' } }],
      ['a crit header', { header: { crit: ['exp'], exp: 1 } }],
      ['jku in the header', { header: { jku: 'https://thief.example/jwks' } }],
      ['text that is no JWT', { text: 'nonsense' }],
      ['two parts of a JWT', { text: 'e30.e30' }],
      ['claims that are an array', { text: `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.W10.AA` }],
    ] satisfies readonly (readonly [string, TokenChange | ((side: Side) => TokenChange)])[]
  ).map(([name, change]) =>
    pushing(`client assertion: ${name}`, (side) => ({
      assertion: typeof change === 'function' ? change(side) : change,
    })),
  ),
  {
    name: 'PAR: client assertion: used twice',
    ask: async (side) => {
      const text = assertionOf(side, 'desk');
      await push(side, { assertion: { text } });
      return observe(side, await push(side, { assertion: { text } }));
    },
  },
  pushing('a body of JSON', { body: { type: 'application/json', text: '{}' } }),
  pushing('no body', { form: {}, body: { type: 'application/x-www-form-urlencoded', text: '' } }),
  pushing('a body of text', { body: { type: 'text/plain', text: 'client_id=desk' } }),
  pushing('by GET', { method: 'GET' }),
  pushing('a body of 100,000 characters', { form: { state: 's'.repeat(100_000) } }),
  pushing('mutual TLS: as it should be', { client: 'pki-desk', certificate: 'issued' }),
  pushing('mutual TLS: a certificate of an authority that nobody knows', {
    client: 'pki-desk',
    certificate: 'strange',
  }),
  pushing('mutual TLS: a certificate of another name', { client: 'pki-desk', certificate: 'selfSigned' }),
  pushing('mutual TLS: no certificate', { client: 'pki-desk', mtls: true }),
  pushing('mutual TLS: an assertion instead of a certificate', (side) => ({
    client: 'pki-desk',
    form: {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertionOf(side, 'pki-desk'),
    },
    mtls: true,
  })),
  pushing('mutual TLS: no client_id', { client: 'pki-desk', certificate: 'issued', form: { client_id: undefined } }),
  pushing('mutual TLS: self-signed and registered', { client: 'self-desk', certificate: 'selfSigned' }),
  pushing('mutual TLS: not the one registered', { client: 'self-desk', certificate: 'issued' }),
  pushing('mutual TLS: the certificate of a client that signs assertions', { client: 'desk', certificate: 'issued' }),
];

const jktOf = (side: Side): string => side.key('desk').kid;

/** RFC 9449 section 10. */
const proofs: readonly Case[] = [
  pushing('a DPoP proof', (side) => ({ proofs: [proofOf(side, side.key('desk'), {}, 'par')] })),
  pushing('dpop_jkt', (side) => ({ form: { dpop_jkt: jktOf(side) } })),
  pushing('dpop_jkt and a proof by that key', (side) => ({
    form: { dpop_jkt: jktOf(side) },
    proofs: [proofOf(side, side.key('desk'), {}, 'par')],
  })),
  pushing('dpop_jkt and a proof by another key', (side) => ({
    form: { dpop_jkt: jktOf(side) },
    proofs: [proofOf(side, side.key('other-desk'), {}, 'par')],
  })),
  pushing('dpop_jkt that is no thumbprint', { form: { dpop_jkt: 'thumb' } }),
  pushing('a DPoP proof for the token endpoint', (side) => ({ proofs: [proofOf(side, side.key('desk'))] })),
  pushing('a DPoP proof that is no JWT', { proofs: ['nonsense'] }),
];

/** Everything is in the object, and only the client beside it. */
const onlyIn = (side: Side): Readonly<Record<string, string | undefined>> => ({
  ...Object.fromEntries(Object.keys(requestedOf(side, 'signing-desk')).map((name) => [name, undefined])),
  client_id: 'signing-desk',
});

const object = (
  name: string,
  change: TokenChange | ((side: Side) => TokenChange) = {},
  beside: Readonly<Record<string, string | undefined>> = {},
): Case => ({
  name: `request object: ${name}`,
  ask: async (side) => {
    const request = requestObjectOf(side, 'signing-desk', typeof change === 'function' ? change(side) : change);
    return observe(side, await push(side, { client: 'signing-desk', form: { ...onlyIn(side), ...beside, request } }));
  },
});

/** RFC 9101 under FAPI 2.0 Message Signing section 5.3.1. */
const requestObjects: readonly Case[] = [
  object('as it should be'),
  pushing('a client that must sign sends none', { client: 'signing-desk' }),
  pushing('a client that need not sign sends one', (side) => ({
    form: { ...onlyIn(side), client_id: 'desk', request: requestObjectOf(side, 'desk') },
  })),
  object('aud is an array with the issuer', (side) => ({ claims: { aud: ['https://other.example', side.issuer] } })),
  object('aud is another server', { claims: { aud: 'https://other.example' } }),
  object('no aud', { claims: { aud: undefined } }),
  object('iss is another client', { claims: { iss: 'desk' } }),
  object('no iss', { claims: { iss: undefined } }),
  object('no nbf', { claims: { nbf: undefined } }),
  object('nbf 70 minutes ago', () => ({ claims: { nbf: seconds() - 4_200, exp: seconds() - 600 } })),
  object('nbf 70 minutes ago, and still not expired', () => ({
    claims: { nbf: seconds() - 4_200, exp: seconds() + 60 },
  })),
  object('nbf ten minutes ahead', () => ({ claims: { nbf: seconds() + 600, exp: seconds() + 900 } })),
  object('nbf five seconds ahead', () => ({ claims: { nbf: seconds() + 5 } })),
  object('no exp', { claims: { exp: undefined } }),
  object('exp two hours after nbf', () => ({ claims: { exp: seconds() + 7_200 } })),
  object('expired', () => ({ claims: { nbf: seconds() - 600, exp: seconds() - 300 } })),
  object('no client_id', { claims: { client_id: undefined } }),
  object('client_id of another client', { claims: { client_id: 'desk' } }),
  object('sub is the client', { claims: { sub: 'signing-desk' } }),
  object('a request inside', { claims: { request: 'x' } }),
  object('a request_uri inside', { claims: { request_uri: 'urn:x' } }),
  object('typ JWT', { header: { typ: 'JWT' } }),
  object('no typ', { header: { typ: undefined } }),
  object('typ of an access token', { header: { typ: 'at+jwt' } }),
  object('alg none', { by: 'nobody' }),
  object('alg HS256', { by: 'a shared secret' }),
  object('signed by another client', (side) => ({ by: side.key('desk') })),
  object('text that is no JWT', { text: 'nonsense' }),
  object('without code_challenge', { claims: { code_challenge: undefined } }),
  object(
    'code_challenge beside it, and not in it',
    { claims: { code_challenge: undefined } },
    {
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    },
  ),
  object('another redirect_uri beside it', {}, { redirect_uri: 'https://thief.example/callback' }),
  object('max_age as a number', { claims: { max_age: 600 } }),
  object('max_age as text', { claims: { max_age: '600' } }),
  object('scope as an array', { claims: { scope: ['openid', 'order:create'] } }),
  object('state as a number', { claims: { state: 7 } }),
  object('authorization_details as text', (side) => ({
    claims: { authorization_details: JSON.stringify([side.order()]) },
  })),
  object('response_mode query of a client that wants signed responses', { claims: { response_mode: 'query' } }),
  object('response_mode jwt', { claims: { response_mode: 'jwt' } }),
  {
    name: 'request object: used twice',
    ask: async (side) => {
      const request = requestObjectOf(side, 'signing-desk');
      const again = () => push(side, { client: 'signing-desk', form: { ...onlyIn(side), request } });
      await again();
      return observe(side, await again());
    },
  },
];

export const pushedRequestCases: readonly Case[] = [...parameters, ...authentication, ...proofs, ...requestObjects];
