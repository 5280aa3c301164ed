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

// A person is asked on their own device (CIBA Core, FAPI-CIBA): plainly by an ordinary relying party, by a signed request
// where it is about the market.

let world: AuthorizationWorld;
let accepted = 0;

beforeAll(async () => {
  world = await openAuthorizationWorld((issuer) => {
    const ciba = { kind: 'human', grant_types: [cibaGrant], backchannel_token_delivery_mode: 'poll' };
    const audiences = [doors.broker, `${issuer}/userinfo`];
    return {
      board: { ...ciba, profile: 'oidc', binding: 'none', scopes: ['openid'], audiences: [`${issuer}/userinfo`] },
      'desk-ciba': { ...ciba, scopes: ['openid', 'order:create'], audiences },
      'desk-other': { ...ciba, scopes: ['openid', 'order:create'], audiences },
    };
  });
});
afterAll(() => world?.stop());

const board = () => world.own('board');
const desk = () => world.own('desk-ciba');
const bad = '400 invalid_request parameter_malformed';

describe('the backchannel authentication endpoint refuses a plain request, parameter by parameter', () => {
  const valid = (): Fields => [
    ...board().authentication(),
    ['scope', 'openid'],
    ['login_hint', world.trading.firms.people.trader.id],
    ['binding_message', 'W4SCT'],
    ['acr_values', 'urn:countersign:acr:development'],
    ['requested_expiry', '60'],
  ];
  const unknownUser = '400 unknown_user_id hint_unknown';
  const unacceptable = '400 invalid_binding_message binding_message_unacceptable';
  const rules: readonly ParameterRule[] = [
    {
      name: 'scope',
      missing: '400 invalid_scope scope_missing',
      oversized: '400 invalid_scope scope_malformed',
      malformed: [
        ['two spaces', 'openid  openid', '400 invalid_scope scope_malformed'],
        ['a list in JSON', '["openid"]', '400 invalid_scope scope_malformed'],
        ['unknown', 'openid order:burn', '400 invalid_scope scope_unknown'],
        ['of the market', 'openid order:create', '400 invalid_scope scope_not_allowed'],
      ],
    },
    {
      name: 'login_hint',
      missing: '400 invalid_request hint_missing',
      oversized: bad,
      malformed: [
        ['nobody', 'person:nobody', unknownUser],
        ['a service', 'service:ha-oms', unknownUser],
        ['with a space', 'person: anna', bad],
        ['not ASCII', 'person:änne', bad],
      ],
    },
    {
      name: 'id_token_hint',
      missing: 'accepted',
      oversized: '400 invalid_request hint_several',
      malformed: [['beside another hint', 'x', '400 invalid_request hint_several']],
    },
    {
      name: 'login_hint_token',
      missing: 'accepted',
      oversized: '400 invalid_request hint_several',
      malformed: [['beside another hint', 'x', '400 invalid_request hint_several']],
    },
    {
      name: 'binding_message',
      missing: '400 invalid_request binding_message_missing',
      oversized: unacceptable,
      malformed: [
        ['one character too long', 'x'.repeat(65), unacceptable],
        ['a line break', 'a\nb', unacceptable],
        ['a right-to-left override', 'pay\u202e1', unacceptable],
        ['a space in front', ' a', unacceptable],
      ],
    },
    {
      name: 'acr_values',
      missing: 'accepted',
      oversized: bad,
      malformed: [
        ['two spaces', 'a  b', bad],
        ['too many', Array.from({ length: 17 }, (_, index) => `a${index}`).join(' '), bad],
      ],
    },
    {
      name: 'requested_expiry',
      missing: 'accepted',
      oversized: bad,
      malformed: ['0', '-1', '1.5', '1e3', 'soon', '9999999999'].map((value) => [value, value, bad]),
    },
    {
      name: 'resource',
      missing: 'accepted',
      doubled: '400 invalid_target target_ambiguous',
      oversized: '400 invalid_target resource_malformed',
      malformed: [
        ['unknown', 'https://nobody.example', '400 invalid_target target_unknown'],
        ['of the market', doors.broker, '400 invalid_target target_not_allowed'],
      ],
    },
    {
      name: 'authorization_details',
      missing: 'accepted',
      oversized: '400 invalid_authorization_details details_malformed',
      malformed: [
        ['no JSON', 'x', '400 invalid_authorization_details details_malformed'],
        ['an object', '{}', '400 invalid_authorization_details details_malformed'],
        [
          'of the market',
          () => JSON.stringify([world.trading.order(world.mandate)]),
          '400 invalid_authorization_details details_not_allowed',
        ],
      ],
    },
    {
      name: 'client_notification_token',
      missing: 'accepted',
      oversized: '400 invalid_request notification_token_malformed',
      malformed: [
        ['a line break', 'a\r\nX: y', '400 invalid_request notification_token_malformed'],
        ['too short', 'abc', '400 invalid_request notification_token_weak'],
        ['one word again and again', 'ab'.repeat(20), '400 invalid_request notification_token_weak'],
      ],
    },
    {
      name: 'dpop_jkt',
      missing: 'accepted',
      oversized: bad,
      malformed: [['no thumbprint', 'x', bad]],
    },
    {
      name: 'request',
      missing: 'accepted',
      oversized: '400 invalid_request signed_request_mixed',
      malformed: [['beside what it should hold', 'x', '400 invalid_request signed_request_mixed']],
    },
    {
      name: 'request_uri',
      missing: 'accepted',
      oversized: '400 invalid_request request_uri_unsupported',
      malformed: [['an address', 'https://desk.example', '400 invalid_request request_uri_unsupported']],
    },
    {
      name: 'user_code',
      // Not offered, and so passed over (CIBA Core section 7.2).
      missing: 'accepted',
      oversized: 'accepted',
      malformed: [['of any form', '1234', 'accepted']],
    },
  ];

  it.each(
    mutationsOf([...authenticationRules(board, () => world.firm('clr-core')), ...rules]),
  )('$name: $verdict', async ({ of, verdict }) => {
    const fields = of(valid());
    const answer = await board().postOnly('/bc-authorize', fields, { dpop: [] });
    if (verdictOf(answer) === 'accepted') accepted += 1;
    expectVerdict(answer, verdict, fields);
  });

  it.each([...transportCases, ...doubledProofs])('before it looks at a parameter: $name', async ({ send, verdict }) => {
    const fields = [...desk().authentication(), ['scope', 'openid'] as const];
    expectVerdict(await send(desk(), `${world.issuer}/bc-authorize`, fields), verdict, fields);
  });

  it('has taken what it said it took, and nothing else', async () => {
    expect(await world.recorded(board(), 'backchannel.requested')).toBe(accepted);
  });
});

describe('the backchannel authentication endpoint refuses a signed request', () => {
  const parameters = (): Change => ({
    scope: 'openid order:create',
    resource: doors.broker,
    authorization_details: [world.trading.order(world.mandate)],
    login_hint: world.trading.firms.people.trader.id,
    requested_expiry: 60,
  });
  const wrong = (rule: string): Verdict => `400 invalid_request signed_request_${rule}`;

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
    ['about the client itself, as a client assertion is', () => ({ sub: 'desk-ciba' }), wrong('foreign')],
    ['that is an authorization request', () => ({ response_type: 'code' }), wrong('foreign')],
    ['with another inside', () => ({ request: 'x' }), wrong('foreign')],
    ['with a list of scopes', () => ({ scope: ['openid'] }), '400 invalid_scope scope_malformed'],
    ['with a hint that is a number', () => ({ login_hint: 1 }), bad],
    ['about a person of another firm', () => ({ login_hint: 'person:carl.otto' }), '400 unknown_user_id hint_unknown'],
    ['with an intent of an unknown type', () => ({ authorization_details: [{ type: 'x' }] }), '400 invalid_authorization_details details_malformed'],
    [
      'with U+0000 in a field',
      () => ({ authorization_details: [{ ...world.trading.order(world.mandate), client_order_id: 'a\u0000' }] }),
      '400 invalid_authorization_details details_malformed',
    ],
  ])('%s', async (_, claims, verdict) => {
    const object = signedRequest(desk(), parameters(), claims());
    expectVerdict(await desk().post('/bc-authorize', [['request', object]]), verdict, [['request', object]]);
  });

  it.each<readonly [string, Change, Verdict]>([
    ['of no algorithm', { alg: 'none' }, wrong('algorithm')],
    ['of a shared secret', { alg: 'HS256' }, wrong('algorithm')],
    ['of a key that is not registered', { kid: 'another' }, wrong('key')],
    ['of an access token', { typ: 'at+jwt' }, wrong('type')],
    ['with the address of its keys', { jku: 'https://desk.example/jwks' }, wrong('malformed')],
  ])('by its header: %s', async (_, header, verdict) => {
    const object = signedRequest(desk(), parameters(), {}, header);
    expectVerdict(await desk().post('/bc-authorize', [['request', object]]), verdict);
  });

  it('that was used before, or stands beside parameters, or is missing', async () => {
    const object = signedRequest(desk(), parameters());
    expectVerdict(await desk().post('/bc-authorize', [['request', object]]), 'accepted');
    expectVerdict(await desk().post('/bc-authorize', [['request', object]]), wrong('replayed'));
    expectVerdict(
      await desk().post('/bc-authorize', [['request', signedRequest(desk(), parameters())], ['scope', 'openid']]),
      wrong('mixed'),
    );
    expectVerdict(
      await desk().post('/bc-authorize', [['scope', 'openid'], ['login_hint', 'person:anna.keller']]),
      wrong('required'),
    );
  });
});

describe('the grant of CIBA', () => {
  const ask = async () =>
    textIn(
      await askPerson(desk(), { scope: 'openid', binding_message: 'A1', login_hint: world.trading.firms.people.trader.id }),
      'auth_req_id',
    );
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

  it('gives nothing before the person has decided, nor to whoever asks too soon', async () => {
    const id = await ask();
    expectVerdict(await desk().post('/token', redeemFields(id)), '400 authorization_pending not_decided_yet');
    expectVerdict(await desk().post('/token', redeemFields(id)), '400 slow_down polled_too_soon');
  });

  it('gives nothing to another client, nor for another key, and gives once', async () => {
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

  it('has never failed by a fault of ours', () => {
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
