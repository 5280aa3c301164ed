import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { allowAll, askPerson, cibaGrant, redeemFields, signedRequest } from '../testing/backchannel.ts';
import { textIn } from '../testing/code-flow.ts';
import { doors } from '../testing/firms.ts';
import {
  authenticationRules,
  doubledProofs,
  expectVerdict,
  faultsIn,
  mutationsOf,
  type ParameterRule,
  transportCases,
  type Verdict,
  verdictOf,
} from '../testing/negative-matrix.ts';
import { personBrowser } from '../testing/person-browser.ts';
import { type Change, type Fields, seconds } from '../testing/raw-client.ts';

// A person is asked on their own device (CIBA Core): only by a signed request (FAPI-CIBA section 5.2.2).

let world: AuthorizationWorld;
let accepted = 0;

beforeAll(async () => {
  world = await openAuthorizationWorld((issuer) => {
    const ciba = {
      kind: 'human',
      grant_types: [cibaGrant],
      backchannel_token_delivery_mode: 'poll',
      scopes: ['openid', 'order:create'],
      audiences: [doors.broker, `${issuer}/userinfo`],
    };
    return { 'desk-ciba': ciba, 'desk-other': ciba };
  });
});
afterAll(() => world?.stop());

const desk = () => world.own('desk-ciba');
const bad = '400 invalid_request parameter_malformed';
const wrong = (rule: string): Verdict => `400 invalid_request signed_request_${rule}`;

/** A valid request with every parameter. */
const parameters = (): Change => ({
  scope: 'openid order:create',
  resource: doors.broker,
  authorization_details: [world.trading.order(world.mandate)],
  login_hint: world.trading.firms.people.trader.id,
  binding_message: 'W4SCT',
  acr_values: 'urn:countersign:acr:development',
  requested_expiry: 60,
});

async function push(fields: Fields) {
  const answer = await desk().post('/bc-authorize', fields);
  if (verdictOf(answer) === 'accepted') accepted += 1;
  return answer;
}

describe('the backchannel authentication endpoint refuses, by each parameter of its form', () => {
  const object = () => signedRequest(desk(), parameters());
  const mixed = wrong('mixed');
  const beside = (name: string, value: string): ParameterRule => ({
    name,
    missing: 'accepted',
    oversized: mixed,
    malformed: [['beside the object', value, mixed]],
  });
  const rules: readonly ParameterRule[] = [
    {
      name: 'request',
      missing: wrong('required'),
      oversized: wrong('malformed'),
      malformed: [
        ['no JWS', 'text', wrong('malformed')],
        ['five parts', 'a.b.c.d.e', wrong('malformed')],
        ['a client assertion', () => desk().assertion(), wrong('type')],
      ],
    },
    {
      name: 'request_uri',
      missing: 'accepted',
      oversized: '400 invalid_request request_uri_unsupported',
      malformed: [['an address', 'https://desk.example', '400 invalid_request request_uri_unsupported']],
    },
    beside('scope', 'openid'),
    { ...beside('resource', doors.broker), doubled: '400 invalid_target target_ambiguous' },
    beside('authorization_details', '[]'),
    beside('login_hint', 'person:anna.keller'),
    beside('id_token_hint', 'x'),
    beside('login_hint_token', 'x'),
    beside('binding_message', 'A1'),
    beside('acr_values', 'a'),
    beside('requested_expiry', '60'),
    beside('client_notification_token', 'x'),
    beside('dpop_jkt', 'x'),
    beside('user_code', '1234'),
  ];

  // Parameters beside the object should be absent, so their absence is no case. At most ten requests may wait for one person.
  const cases = [
    ...mutationsOf(authenticationRules(desk, () => world.firm('clr-core'))),
    ...mutationsOf(rules).filter(({ verdict }) => verdict !== 'accepted'),
  ];
  it.each(cases)('$name: $verdict', async ({ of, verdict }) => {
    const fields = of([...desk().authentication(), ['request', object()]]);
    const answer = await desk().postOnly('/bc-authorize', fields);
    if (verdictOf(answer) === 'accepted') accepted += 1;
    expectVerdict(answer, verdict, fields);
  });

  it.each([...transportCases, ...doubledProofs])('before it reads a parameter: $name', async ({ send, verdict }) => {
    const fields: Fields = [...desk().authentication(), ['request', object()]];
    expectVerdict(await send(desk(), `${world.issuer}/bc-authorize`, fields), verdict, fields);
  });
});

describe('the backchannel authentication endpoint refuses, by each parameter of the signed request', () => {
  const unknownUser = '400 unknown_user_id hint_unknown';
  const unacceptable = '400 invalid_binding_message binding_message_unacceptable';
  const scope = '400 invalid_scope scope_malformed';
  const details = '400 invalid_authorization_details details_malformed';
  const token = (rule: string): Verdict => `400 invalid_request notification_token_${rule}`;
  const long = 'x'.repeat(20_000);

  it.each<readonly [string, Change, Verdict]>([
    ['scope missing: that of the intent is asked for', { scope: undefined }, 'accepted'],
    ['scope oversized', { scope: long }, scope],
    ['scope of two spaces', { scope: 'openid  openid' }, scope],
    ['scope as a list', { scope: ['openid'] }, scope],
    ['scope unknown', { scope: 'openid order:burn' }, '400 invalid_scope scope_unknown'],
    ['scope not registered', { scope: 'openid order:approve' }, '400 invalid_scope scope_not_allowed'],
    ['login_hint missing', { login_hint: undefined }, '400 invalid_request hint_missing'],
    ['login_hint without a value', { login_hint: '' }, '400 invalid_request hint_missing'],
    ['login_hint oversized', { login_hint: long }, bad],
    ['login_hint as a number', { login_hint: 1 }, bad],
    ['login_hint of nobody', { login_hint: 'person:nobody' }, unknownUser],
    ['login_hint of a service', { login_hint: 'service:ha-oms' }, unknownUser],
    ['login_hint not in ASCII', { login_hint: 'person:änne' }, bad],
    ['id_token_hint beside another', { id_token_hint: 'x' }, '400 invalid_request hint_several'],
    [
      'id_token_hint that is none',
      { login_hint: undefined, id_token_hint: 'x' },
      '400 invalid_request id_token_hint_invalid',
    ],
    ['id_token_hint oversized', { login_hint: undefined, id_token_hint: long }, bad],
    ['login_hint_token beside another', { login_hint_token: 'x' }, '400 invalid_request hint_several'],
    [
      'login_hint_token, which is not offered',
      { login_hint: undefined, login_hint_token: 'x' },
      '400 invalid_request login_hint_token_unsupported',
    ],
    ['binding_message missing: the intent says what it is about', { binding_message: undefined }, 'accepted'],
    [
      'binding_message missing, and no intent',
      { binding_message: undefined, authorization_details: undefined, scope: 'openid' },
      '400 invalid_request binding_message_missing',
    ],
    ['binding_message oversized', { binding_message: long }, unacceptable],
    ['binding_message one character too long', { binding_message: 'x'.repeat(65) }, unacceptable],
    ['binding_message as a number', { binding_message: 1 }, unacceptable],
    ['binding_message of two lines', { binding_message: 'a\nb' }, unacceptable],
    ['binding_message that turns around', { binding_message: 'pay\u202e1' }, unacceptable],
    ['acr_values oversized', { acr_values: long }, bad],
    ['acr_values as a list', { acr_values: ['a'] }, bad],
    ['requested_expiry of nothing', { requested_expiry: 0 }, bad],
    ['requested_expiry below nothing', { requested_expiry: -1 }, bad],
    ['requested_expiry in parts', { requested_expiry: 1.5 }, bad],
    ['requested_expiry oversized', { requested_expiry: '9'.repeat(20) }, bad],
    ['requested_expiry as a list', { requested_expiry: [60] }, bad],
    ['resource oversized', { resource: `https://a.example/${long}` }, '400 invalid_target resource_malformed'],
    ['resource as a list', { resource: [doors.broker] }, '400 invalid_target resource_malformed'],
    ['resource unknown', { resource: 'https://nobody.example' }, '400 invalid_target target_unknown'],
    ['resource of somebody else', { resource: doors.venue }, '400 invalid_target target_not_allowed'],
    ['authorization_details as an object', { authorization_details: {} }, details],
    ['authorization_details empty', { authorization_details: [] }, details],
    ['authorization_details of an unknown type', { authorization_details: [{ type: 'x' }] }, details],
    ['authorization_details as text that is not JSON', { authorization_details: 'x' }, details],
    ['client_notification_token oversized', { client_notification_token: long }, token('malformed')],
    ['client_notification_token of two lines', { client_notification_token: 'a\r\nX: y' }, token('malformed')],
    ['client_notification_token too short', { client_notification_token: 'abc' }, token('weak')],
    ['client_notification_token of one word', { client_notification_token: 'ab'.repeat(20) }, token('weak')],
    ['dpop_jkt oversized', { dpop_jkt: long }, '400 invalid_dpop_proof dpop_key_differs'],
    ['dpop_jkt of another key than the proof', { dpop_jkt: 'x' }, '400 invalid_dpop_proof dpop_key_differs'],
    ['user_code, which is not offered and so passed over', { user_code: long }, 'accepted'],
  ])('%s', async (_, change, verdict) => {
    expectVerdict(await push([['request', signedRequest(desk(), { ...parameters(), ...change })]]), verdict);
  });
});

describe('the backchannel authentication endpoint refuses a signed request', () => {
  it.each<readonly [string, () => Change, Verdict]>([
    ['for another server', () => ({ aud: 'https://another.example' }), wrong('audience')],
    ['for its own endpoint', () => ({ aud: `${world.issuer}/bc-authorize` }), wrong('audience')],
    ['for nobody', () => ({ aud: undefined }), wrong('audience')],
    ['of another client', () => ({ iss: 'desk-dpop' }), wrong('issuer')],
    ['that names another client', () => ({ client_id: 'desk-dpop' }), wrong('client')],
    ['without an id', () => ({ jti: undefined }), wrong('id')],
    ['without a beginning', () => ({ nbf: undefined }), wrong('time')],
    ['without the time it was made', () => ({ iat: undefined }), wrong('time')],
    ['without an end', () => ({ exp: undefined }), wrong('time')],
    ['begun more than an hour ago', () => ({ nbf: seconds() - 3_610 }), wrong('time')],
    ['that has ended', () => ({ exp: seconds() - 1 }), wrong('expired')],
    ['for more than an hour', () => ({ exp: seconds() + 3_700 }), wrong('lifetime')],
    ['about the client itself, as a client assertion is', () => ({ sub: 'desk-ciba' }), wrong('kind')],
    ['that is an authorization request', () => ({ response_type: 'code' }), wrong('kind')],
    ['with another inside', () => ({ request: 'x' }), wrong('kind')],
    [
      'about a person of another firm',
      () => ({ login_hint: 'person:carla.weiss' }),
      '400 unknown_user_id hint_unknown',
    ],
    [
      'with U+0000 in a field',
      () => ({ authorization_details: [{ ...world.trading.order(world.mandate), client_order_id: 'a\u0000' }] }),
      '400 invalid_authorization_details details_malformed',
    ],
  ])('%s', async (_, claims, verdict) => {
    const object = signedRequest(desk(), parameters(), claims());
    expectVerdict(await push([['request', object]]), verdict, [['request', object]]);
  });

  it.each<readonly [string, Change, Verdict]>([
    ['of no algorithm', { alg: 'none' }, wrong('algorithm')],
    ['of a shared secret', { alg: 'HS256' }, wrong('algorithm')],
    ['of a key that is not registered', { kid: 'another' }, wrong('key')],
    ['of an access token', { typ: 'at+jwt' }, wrong('type')],
    ['with the address of its keys', { jku: 'https://desk.example/jwks' }, wrong('malformed')],
  ])('by its header: %s', async (_, header, verdict) => {
    const object = signedRequest(desk(), parameters(), {}, header);
    expectVerdict(await push([['request', object]]), verdict);
  });

  it('that was used before, is sent with further parameters, or is missing', async () => {
    const object = signedRequest(desk(), parameters());
    expectVerdict(await push([['request', object]]), 'accepted');
    expectVerdict(await push([['request', object]]), wrong('replayed'));
    expectVerdict(
      await push([
        ['request', signedRequest(desk(), parameters())],
        ['scope', 'openid'],
      ]),
      wrong('mixed'),
    );
    expectVerdict(
      await push([
        ['scope', 'openid'],
        ['login_hint', 'person:anna.keller'],
      ]),
      wrong('required'),
    );
  });
});

describe('the CIBA grant', () => {
  async function ask(): Promise<string> {
    accepted += 1;
    const login_hint = world.trading.firms.people.trader.id;
    return textIn(await askPerson(desk(), { scope: 'openid', binding_message: 'A1', login_hint }), 'auth_req_id');
  }
  const unknown = '400 invalid_grant auth_req_id_unknown';
  let waiting: Promise<string> | undefined;
  const rules: readonly ParameterRule[] = [
    {
      name: 'grant_type',
      missing: '400 invalid_request parameter_missing',
      oversized: '400 unsupported_grant_type grant_type_unsupported',
      malformed: [['in capitals', cibaGrant.toUpperCase(), '400 unsupported_grant_type grant_type_unsupported']],
    },
    {
      name: 'auth_req_id',
      missing: '400 invalid_request parameter_missing',
      oversized: unknown,
      malformed: [
        ['one that nobody was given', 'A'.repeat(43), unknown],
        ['too short', 'A'.repeat(42), unknown],
        ['a list in JSON', '["x"]', unknown],
        ['for the database', `' or 1=1 --`, unknown],
      ],
    },
  ];

  it.each(
    mutationsOf([...authenticationRules(desk, () => world.firm('clr-core')), ...rules]).filter(
      ({ verdict }) => verdict !== 'accepted',
    ),
  )('$name: $verdict', async ({ of, verdict }) => {
    waiting ??= ask();
    const fields = of([...desk().authentication(), ...redeemFields(await waiting)]);
    expectVerdict(await desk().postOnly('/token', fields), verdict, fields);
  });

  it('gives nothing before the person has decided, nor to a client that polls too soon', async () => {
    const id = await ask();
    expectVerdict(await desk().post('/token', redeemFields(id)), '400 authorization_pending not_decided_yet');
    expectVerdict(await desk().post('/token', redeemFields(id)), '400 slow_down polled_too_soon');
  });

  it('gives nothing to another client or for another key, and gives once', async () => {
    const id = await ask();
    await allowAll(personBrowser(world.issuer), world.issuer, world.trading.firms.people.trader.id);
    expectVerdict(await world.own('desk-other').post('/token', redeemFields(id)), unknown);
    const another = world.own('desk-other').proof(`${world.issuer}/token`);
    expectVerdict(
      await desk().post('/token', redeemFields(id), { dpop: [another] }),
      '400 invalid_grant auth_req_id_key',
    );
    expectVerdict(await desk().post('/token', redeemFields(id)), 'accepted');
    expectVerdict(await desk().post('/token', redeemFields(id)), '400 invalid_grant auth_req_id_redeemed');
    expect(await world.recorded(desk(), 'token.issued')).toBe(1);
  });

  it('matches the records: what was accepted, and nothing else', async () => {
    expect(await world.recorded(desk(), 'backchannel.requested')).toBe(accepted);
  });

  it('has never failed with an internal error', () => {
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
