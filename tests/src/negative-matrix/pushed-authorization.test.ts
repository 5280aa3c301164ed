import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { createPkce } from '../testing/code-flow.ts';
import { doors } from '../testing/firms.ts';
import {
  authenticationRules,
  doubledProofs,
  expectVerdict,
  faultsIn,
  mutationsOf,
  type ParameterRule,
  transportCases,
  verdictOf,
} from '../testing/negative-matrix.ts';
import type { Fields } from '../testing/raw-client.ts';
import { redirectUri } from '../testing/relying-parties.ts';

// Pushed requests (RFC 9126), with plain or signed parameters (RFC 9101, FAPI 2.0 Message Signing).

let world: AuthorizationWorld;
let accepted = 0;

beforeAll(async () => {
  world = await openAuthorizationWorld();
});
afterAll(() => world?.stop());

const client = () => world.party('desk-dpop');
const pkce = createPkce();
const bad = '400 invalid_request parameter_malformed';
const long = '400 invalid_request parameter_too_long';
const details = (change: Readonly<Record<string, unknown>>) => () =>
  JSON.stringify([{ ...world.trading.order(world.mandate), ...change }]);
const wrongDetails = '400 invalid_authorization_details details_malformed';

/** A valid request with every parameter. */
function valid(): Fields {
  return [
    ...client().authentication(),
    ['response_type', 'code'],
    ['redirect_uri', redirectUri],
    ['code_challenge', pkce.challenge],
    ['code_challenge_method', 'S256'],
    ['scope', 'openid order:create'],
    ['state', 'state-1'],
    ['nonce', 'nonce-1'],
    ['resource', doors.broker],
    ['authorization_details', JSON.stringify([world.trading.order(world.mandate)])],
    ['response_mode', 'query'],
    ['prompt', 'consent'],
    ['max_age', '300'],
    ['acr_values', 'urn:countersign:acr:development'],
    ['claims', '{"id_token":{"acr":null}}'],
    ['login_hint', 'anna'],
    ['id_token_hint', 'eyJhbGciOiJFUzI1NiJ9.e30.AA'],
    ['dpop_jkt', client().proofKey.kid],
  ];
}

const rules: readonly ParameterRule[] = [
  {
    name: 'response_type',
    missing: '400 invalid_request parameter_missing',
    oversized: long,
    malformed: [
      ...['token', 'id_token', 'code id_token', 'code token', 'none', 'CODE', 'code code', '["code"]'].map(
        (type) => [type, type, '400 unsupported_response_type response_type_unsupported'] as const,
      ),
      ['a control character', 'code\u0001', bad],
    ],
  },
  {
    name: 'redirect_uri',
    missing: '400 invalid_request parameter_missing',
    oversized: long,
    malformed: [
      ['relative', '/callback', bad],
      ['with a fragment', `${redirectUri}#a`, bad],
      ['with a space', `${redirectUri} `, bad],
      ...[
        `${redirectUri}?a=b`,
        `${redirectUri}/`,
        redirectUri.toUpperCase(),
        'https://desk.example/Callback',
        'https://desk.example:443/callback',
        'https://desk.example/a/../callback',
        'http://desk.example/callback',
        'https://desk.example@evil.example/callback',
        'javascript:alert(1)',
        'data:text/html,x',
      ].map((uri) => [uri, uri, '400 invalid_request redirect_uri_unregistered'] as const),
    ],
  },
  {
    name: 'code_challenge',
    missing: '400 invalid_request parameter_missing',
    oversized: long,
    malformed: [
      ['too short', pkce.challenge.slice(1), bad],
      ['too long', `${pkce.challenge}A`, bad],
      ['in base64', `${'a'.repeat(42)}+`, bad],
      ['padded', `${pkce.challenge}=`, bad],
      ['with bits that mean nothing', `${'a'.repeat(42)}B`, bad],
    ],
  },
  {
    name: 'code_challenge_method',
    missing: '400 invalid_request parameter_missing',
    oversized: long,
    malformed: ['plain', 's256', 'S512', 'none'].map((method) => [
      method,
      method,
      '400 invalid_request code_challenge_method_unsupported',
    ]),
  },
  {
    name: 'scope',
    missing: '400 invalid_scope scope_missing',
    oversized: long,
    malformed: [
      ['two spaces', 'openid  order:create', '400 invalid_scope scope_malformed'],
      ['a space in front', ' openid', '400 invalid_scope scope_malformed'],
      ['a quotation mark', 'openid "x"', '400 invalid_scope scope_malformed'],
      ['a backslash', 'openid \\x', '400 invalid_scope scope_malformed'],
      ['a tab', 'openid\torder:create', '400 invalid_scope scope_malformed'],
      ['not ASCII', 'openid é', '400 invalid_scope scope_malformed'],
      ['a list in JSON', '["openid"]', '400 invalid_scope scope_malformed'],
      ['unknown', 'openid order:burn', '400 invalid_scope scope_unknown'],
      ['one for everything', 'order:*', '400 invalid_scope scope_generic'],
      ['an administrator', 'admin', '400 invalid_scope scope_generic'],
      ['not registered', 'openid settlement:release', '400 invalid_scope scope_not_allowed'],
      ['in capitals', 'OPENID', '400 invalid_scope scope_unknown'],
    ],
  },
  {
    name: 'state',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['one character too long', 'x'.repeat(513), long],
      ['a control character', 'a\u0001b', bad],
      ['U+0000', 'a\u0000b', '400 invalid_request form_malformed'],
      ['a line break', 'a\r\nSet-Cookie: x=y', bad],
      ['not ASCII', 'état', bad],
    ],
  },
  {
    name: 'nonce',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['one character too long', 'x'.repeat(513), long],
      ['a control character', 'a\u001fb', bad],
    ],
  },
  {
    name: 'resource',
    missing: 'accepted',
    doubled: '400 invalid_target target_ambiguous',
    oversized: long,
    malformed: [
      ['relative', 'orders', '400 invalid_target resource_malformed'],
      ['with a fragment', `${doors.broker}#x`, '400 invalid_target resource_malformed'],
      ['two in one', `${doors.broker} ${doors.venue}`, '400 invalid_target resource_malformed'],
      ['unknown', 'https://nobody.example', '400 invalid_target target_unknown'],
      ['with a slash more', `${doors.broker}/`, '400 invalid_target target_unknown'],
      ["somebody else's", doors.venue, '400 invalid_target target_not_allowed'],
      ['without the scope', () => `${world.issuer}/userinfo`, '400 invalid_scope scope_not_offered'],
    ],
  },
  {
    name: 'authorization_details',
    missing: 'accepted',
    oversized: long,
    oversize: `[${'1'.repeat(32_800)}]`,
    malformed: [
      ['no JSON', 'order', wrongDetails],
      ['an object', '{}', wrongDetails],
      ['an empty list', '[]', wrongDetails],
      ['text', '"order"', wrongDetails],
      ['a list of text', '["order"]', wrongDetails],
      ['a list of null', '[null]', wrongDetails],
      ['a key twice', '[{"type":"a","type":"b"}]', wrongDetails],
      ['nested without end', '['.repeat(10_000), wrongDetails],
      ['an invalid number', '[1e999]', wrongDetails],
      ['text with U+0000', details({ client_order_id: 'a\u0000' }), wrongDetails],
      ['__proto__', '[{"__proto__":{"type":"x"}}]', wrongDetails],
      ['without a type', details({ type: undefined }), wrongDetails],
      ['an unknown type', details({ type: 'urn:example:order' }), wrongDetails],
      ['an unknown field', details({ colour: 'red' }), wrongDetails],
      ['a number as an amount', details({ max_qty: 2000 }), wrongDetails],
      [
        'nine of them',
        () => JSON.stringify(Array.from({ length: 9 }, () => world.trading.order(world.mandate))),
        wrongDetails,
      ],
      [
        'past its time',
        details({ not_after: '2020-01-01T00:00:00Z' }),
        '400 invalid_authorization_details details_expired',
      ],
      [
        'for another interface',
        details({ locations: [doors.venue] }),
        '400 invalid_authorization_details details_location',
      ],
    ],
  },
  {
    name: 'response_mode',
    missing: 'accepted',
    oversized: long,
    malformed: ['fragment', 'form_post', 'form_post.jwt', 'fragment.jwt', 'web_message', 'QUERY'].map((mode) => [
      mode,
      mode,
      '400 invalid_request response_mode_unsupported',
    ]),
  },
  {
    name: 'prompt',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['none with another', 'none login', '400 invalid_request prompt_contradictory'],
      ['unknown', 'create', bad],
      ['too many', 'login consent none select_account create', long],
      ['two spaces', 'login  consent', bad],
    ],
  },
  {
    name: 'max_age',
    missing: 'accepted',
    oversized: bad,
    malformed: ['-1', '1.5', '1e3', 'abc', '00', '0x10', '99999999999', ' 1'].map((age) => [age, age, bad]),
  },
  {
    name: 'acr_values',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['too many', Array.from({ length: 17 }, (_, index) => `a${index}`).join(' '), long],
      ['two spaces', 'a  b', bad],
    ],
  },
  {
    name: 'claims',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['no JSON', 'acr', bad],
      ['a list', '[]', bad],
      ['a list below', '{"id_token":[]}', bad],
      ['a key twice', '{"id_token":{},"id_token":{}}', bad],
      ['essential by text', '{"id_token":{"acr":{"essential":"true"}}}', bad],
      ['values that are no text', '{"id_token":{"acr":{"values":[1]}}}', bad],
      ['two subjects', '{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}', bad],
    ],
  },
  {
    name: 'login_hint',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['one character too long', 'x'.repeat(257), long],
      ['a control character', 'a\u0007', bad],
    ],
  },
  {
    name: 'id_token_hint',
    missing: 'accepted',
    oversized: long,
    malformed: [['with a space', 'a b', bad]],
  },
  {
    name: 'dpop_jkt',
    missing: 'accepted',
    oversized: '400 invalid_dpop_proof dpop_key_differs',
    malformed: [
      ['of another key', () => world.party('desk-signed').proofKey.kid, '400 invalid_dpop_proof dpop_key_differs'],
      ['no thumbprint', 'x', '400 invalid_dpop_proof dpop_key_differs'],
    ],
  },
  {
    name: 'grant_id',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['without an action', 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3', '400 invalid_request grant_management_contradictory'],
      ['no id', 'x', '400 invalid_grant_id grant_id_malformed'],
    ],
  },
  {
    name: 'grant_management_action',
    missing: 'accepted',
    oversized: long,
    malformed: [
      ['unknown', 'delete', bad],
      ['a change of nothing', 'merge', '400 invalid_request grant_management_contradictory'],
    ],
  },
  {
    name: 'request',
    missing: 'accepted',
    oversized: '400 invalid_request_object request_object_malformed',
    malformed: [
      ['no JWS', 'text', '400 invalid_request_object request_object_malformed'],
      ['longer than is looked at', 'x'.repeat(49_153), '400 invalid_request_object request_object_malformed'],
      ['longer than a form', 'x'.repeat(66_000), '413 invalid_request form_too_large'],
    ],
  },
  {
    name: 'request_uri',
    missing: 'accepted',
    oversized: '400 invalid_request request_uri_inside',
    malformed: [
      ['an address', 'https://desk.example/request', '400 invalid_request request_uri_inside'],
      ['our own', 'urn:ietf:params:oauth:request_uri:x', '400 invalid_request request_uri_inside'],
    ],
  },
];

describe('PAR refuses, parameter by parameter', () => {
  it('no valid parameter', async () => {
    const answer = await client().postOnly('/par', valid());
    expect(answer.status).toBe(201);
    accepted += 1;
  });

  it.each(mutationsOf([...authenticationRules(client, () => world.firm('brk-orders')), ...rules]))(
    '$name: $verdict',
    async ({ of, verdict }) => {
      const fields = of(valid());
      const answer = await client().postOnly('/par', fields);
      if (verdictOf(answer) === 'accepted') accepted += 1;
      expectVerdict(answer, verdict, fields);
    },
  );
});

describe('PAR refuses, before it reads a parameter', () => {
  it.each([...transportCases, ...doubledProofs])('$name', async ({ send, verdict }) => {
    const fields = valid();
    expectVerdict(await send(client(), `${world.issuer}/par`, fields), verdict, fields);
  });
});

describe('PAR, after all of that', () => {
  it('has accepted what it said it accepted, and nothing else', async () => {
    expect(await world.recorded(client(), 'authorization.pushed')).toBe(accepted);
  });

  it('has never failed with an internal error', () => {
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
