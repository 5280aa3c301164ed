import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { type AllowedCode, textIn } from '../testing/code-flow.ts';
import { accessTokenType, exchangeGrant, jwtBearerGrant } from '../testing/credentials.ts';
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
import type { Fields, RawClient } from '../testing/raw-client.ts';
import { redirectUri } from '../testing/relying-parties.ts';

// The token endpoint, grant by grant and parameter by parameter.

let world: AuthorizationWorld;
const accepted = new Map<RawClient, number>();

beforeAll(async () => {
  world = await openAuthorizationWorld();
});
afterAll(() => world?.stop());

async function ask(client: RawClient, fields: Fields) {
  const answer = await client.postOnly('/token', fields);
  if (verdictOf(answer) === 'accepted') accepted.set(client, (accepted.get(client) ?? 0) + 1);
  return answer;
}

const missing = '400 invalid_request parameter_missing';
const unsupported = '400 unsupported_grant_type grant_type_unsupported';
const scopeUnknown = '400 invalid_scope scope_unknown';
const detailsMissing = '400 invalid_authorization_details details_missing';
const wrongDetails = '400 invalid_authorization_details details_malformed';

/** `grant_type`, the same for every grant. */
const grantRule: ParameterRule = {
  name: 'grant_type',
  missing,
  oversized: unsupported,
  malformed: [
    ...['password', 'implicit', 'client_credentials ', 'AUTHORIZATION_CODE', '["client_credentials"]'].map(
      (type) => [type, type, unsupported] as const,
    ),
  ],
};

const targetRules = (withoutTarget: string, notAllowed: string): readonly ParameterRule[] => [
  {
    name: 'resource',
    missing: withoutTarget,
    doubled: '400 invalid_target target_ambiguous',
    oversized: '400 invalid_target target_unknown',
    malformed: [
      ['relative', 'orders', '400 invalid_target target_unknown'],
      ['with a fragment', `${doors.broker}#x`, '400 invalid_target target_unknown'],
      ['two in one', `${doors.broker} ${doors.venue}`, '400 invalid_target target_unknown'],
      ['a list in JSON', JSON.stringify([doors.broker]), '400 invalid_target target_unknown'],
      ['unknown', 'https://nobody.example', '400 invalid_target target_unknown'],
      ["somebody else's", notAllowed, '400 invalid_target target_not_allowed'],
    ],
  },
];

const scopeRule = (change: Partial<ParameterRule> = {}): ParameterRule => ({
  name: 'scope',
  missing: '400 invalid_scope scope_missing',
  oversized: scopeUnknown,
  malformed: [
    ['two spaces', 'order:create  order:read', scopeUnknown],
    ['a tab', 'order:create\torder:read', scopeUnknown],
    ['a list in JSON', '["order:create"]', scopeUnknown],
    ['unknown', 'order:burn', scopeUnknown],
    ['in capitals', 'ORDER:CREATE', scopeUnknown],
    ['one for everything', '*', '400 invalid_scope scope_generic'],
    ['an administrator', 'trading_admin', '400 invalid_scope scope_generic'],
  ],
  ...change,
});

const detailsRule = (change: (of: Readonly<Record<string, unknown>>) => string, without: string): ParameterRule => ({
  name: 'authorization_details',
  missing: without,
  oversized: wrongDetails,
  oversize: `[${'1'.repeat(32_800)}]`,
  malformed: [
    ['no JSON', 'order', wrongDetails],
    ['an object', '{}', wrongDetails],
    ['null', 'null', wrongDetails],
    ['text', '"order"', wrongDetails],
    ['a list of text', '["order"]', wrongDetails],
    ['two of them', () => JSON.stringify([...JSON.parse(change({})), ...JSON.parse(change({}))]), wrongDetails],
    ['a key twice', '[{"type":"a","type":"b"}]', wrongDetails],
    ['nested without end', '['.repeat(10_000), wrongDetails],
    ['an unknown type', () => change({ type: 'urn:example:order' }), wrongDetails],
    ['a number as an amount', () => change({ max_qty: 2000 }), wrongDetails],
    ['an unknown field', () => change({ colour: 'red' }), wrongDetails],
  ],
});

/** Runs the matrix of one grant. */
function matrixOf(of: {
  readonly client: () => RawClient;
  readonly valid: () => Promise<Fields> | Fields;
  readonly rules: readonly ParameterRule[];
}): void {
  const { client, valid, rules } = of;
  const authenticated = async (): Promise<Fields> => [...client().authentication(), ...(await valid())];

  it('accepts a valid request', async () => {
    expectVerdict(await ask(client(), await authenticated()), 'accepted');
  });

  const another = () => (client().id === 'clr-core' ? world.firm('cus-core') : world.firm('clr-core'));
  it.each(mutationsOf([...authenticationRules(client, another), ...rules]))(
    '$name: $verdict',
    async ({ of, verdict }) => {
      const fields = of(await authenticated());
      expectVerdict(await ask(client(), fields), verdict, fields);
    },
  );
}

describe('client_credentials', () => {
  matrixOf({
    client: () => world.firm('brk-orders'),
    valid: () => [
      ['grant_type', 'client_credentials'],
      ['resource', `${world.issuer}/decisions`],
      ['scope', 'decision:evaluate'],
    ],
    rules: [
      grantRule,
      ...targetRules('accepted', doors.custodian),
      {
        name: 'audience',
        missing: 'accepted',
        doubled: '400 invalid_target target_ambiguous',
        oversized: '400 invalid_target target_ambiguous',
        malformed: [['beside the resource', () => `${world.issuer}/decisions`, '400 invalid_target target_ambiguous']],
      },
      scopeRule({
        malformed: [
          ...scopeRule().malformed,
          ['of the protocol', 'openid', scopeUnknown],
          ['not registered', 'settlement:release', '400 invalid_scope scope_not_allowed'],
          ['not offered there', 'order:read', '400 invalid_scope scope_not_offered'],
        ],
      }),
    ],
  });
});

describe('client_credentials of an agent, for an intent', () => {
  const intent = (change: Readonly<Record<string, unknown>> = {}) => {
    const algo = {
      model_id: 'vwap-bund',
      version: '4.2.0',
      artifact_sha256: '7f1d0c3f5f5f0b7c7f9b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5',
    };
    return JSON.stringify([{ ...world.trading.order(world.mandate, { algo }), ...change }]);
  };
  matrixOf({
    client: () => world.firm('ha-vwap-1'),
    valid: () => [
      ['grant_type', 'client_credentials'],
      ['resource', doors.broker],
      ['scope', 'order:create'],
      ['authorization_details', intent()],
    ],
    rules: [
      detailsRule(intent, detailsMissing),
      ...targetRules('accepted', doors.venue),
      scopeRule({
        malformed: [
          ['duties that check each other', 'order:create order:approve', '400 invalid_scope scope_not_allowed'],
        ],
      }),
      {
        name: 'authorization_details',
        missing: detailsMissing,
        oversized: wrongDetails,
        malformed: [
          [
            'past its time',
            () => intent({ not_after: '2020-01-01T00:00:00Z' }),
            '400 invalid_authorization_details details_expired',
          ],
          [
            'for another interface',
            () => intent({ locations: [doors.venue] }),
            '400 invalid_authorization_details details_location',
          ],
          [
            'under a mandate that does not exist',
            () => intent({ mandate_id: `mnd_${'0'.repeat(26)}` }),
            '400 access_denied mandate_not_found',
          ],
          ['beyond the mandate', () => intent({ venue_mic: 'XEEE' }), '400 access_denied mandate_venue'],
        ],
      },
    ],
  });
});

describe('jwt-bearer', () => {
  matrixOf({
    client: () => world.firm('ha-oms'),
    valid: async () => [
      ['grant_type', jwtBearerGrant],
      ['assertion', await world.trading.assertion()],
      ['resource', doors.broker],
      ['scope', 'order:create'],
      ['authorization_details', JSON.stringify([world.trading.order(world.mandate)])],
    ],
    rules: [
      grantRule,
      {
        name: 'assertion',
        missing,
        oversized: '400 invalid_grant assertion_malformed',
        malformed: [
          ['no JWS', 'text', '400 invalid_grant assertion_malformed'],
          ['five parts', 'a.b.c.d.e', '400 invalid_grant assertion_malformed'],
          ['a client assertion', () => world.firm('ha-oms').assertion(), '400 invalid_grant assertion_type'],
        ],
      },
      ...targetRules('accepted', doors.venue),
      scopeRule({ malformed: [...scopeRule().malformed, ['of the protocol', 'openid', scopeUnknown]] }),
      detailsRule((change) => JSON.stringify([{ ...world.trading.order(world.mandate), ...change }]), detailsMissing),
    ],
  });
});

describe('token-exchange', () => {
  let subject: { readonly token: Promise<string>; readonly madeAt: number } | undefined;
  /** One for all refusals: exchanging a token does not use it up. */
  function subjectToken(): Promise<string> {
    if (subject === undefined || Date.now() - subject.madeAt > 120_000) {
      accepted.set(world.firm('ha-oms'), (accepted.get(world.firm('ha-oms')) ?? 0) + 1);
      subject = {
        madeAt: Date.now(),
        token: world.trading.traderToken(world.trading.order(world.mandate)).then(({ accessToken }) => accessToken),
      };
    }
    return subject.token;
  }
  const unsupportedParameter = '400 invalid_request parameter_unsupported';
  const invalid = '400 invalid_request token_invalid';

  matrixOf({
    client: () => world.firm('brk-orders'),
    valid: async () => [
      ['grant_type', exchangeGrant],
      ['subject_token', await subjectToken()],
      ['subject_token_type', accessTokenType],
      ['requested_token_type', accessTokenType],
      ['resource', doors.venue],
      ['scope', 'order:create'],
    ],
    rules: [
      grantRule,
      {
        name: 'subject_token',
        missing,
        oversized: invalid,
        malformed: [
          ['no token', 'text', invalid],
          ['a reference that nobody was given', `cs_${'A'.repeat(43)}`, invalid],
          ['two parts', 'a.b', invalid],
          ['five parts', 'a.b.c.d.e', invalid],
          ['parts of no form', '...', invalid],
        ],
      },
      {
        name: 'subject_token_type',
        missing: unsupportedParameter,
        oversized: unsupportedParameter,
        malformed: ['jwt', 'id_token', 'refresh_token', 'saml2', 'txn_token'].map((type) => [
          type,
          `urn:ietf:params:oauth:token-type:${type}`,
          unsupportedParameter,
        ]),
      },
      {
        name: 'requested_token_type',
        missing: 'accepted',
        oversized: unsupportedParameter,
        malformed: ['jwt', 'id_token', 'refresh_token', 'txn_token', 'id-jag'].map((type) => [
          type,
          `urn:ietf:params:oauth:token-type:${type}`,
          unsupportedParameter,
        ]),
      },
      {
        name: 'actor_token',
        missing: 'accepted',
        oversized: unsupportedParameter,
        malformed: [['of any kind', () => world.firm('brk-orders').assertion(), unsupportedParameter]],
      },
      {
        name: 'actor_token_type',
        missing: 'accepted',
        oversized: unsupportedParameter,
        malformed: [['without a token', accessTokenType, unsupportedParameter]],
      },
      ...targetRules('400 invalid_target target_missing', doors.custodian),
      {
        name: 'resource',
        missing: '400 invalid_target target_missing',
        doubled: '400 invalid_target target_ambiguous',
        oversized: '400 invalid_target target_unknown',
        malformed: [['the one it is for already', doors.broker, '400 invalid_target target_unchanged']],
      },
      scopeRule({
        missing: 'accepted',
        malformed: [
          ...scopeRule().malformed,
          ['wider than the token', 'order:create order:read', '400 invalid_scope scope_wider'],
        ],
      }),
      {
        name: 'authorization_details',
        missing: 'accepted',
        oversized: wrongDetails,
        malformed: [
          ['no JSON', 'x', wrongDetails],
          [
            'another intent',
            () => JSON.stringify([world.trading.order(world.mandate)]),
            '400 invalid_authorization_details details_wider',
          ],
        ],
      },
    ],
  });
});

describe('authorization_code', () => {
  const client = () => world.party('desk-dpop');
  let kept: { readonly allowed: AllowedCode; readonly until: number } | undefined;
  /** A refused code stays valid for its minute; a redeemed one is not used again. */
  async function allowed(): Promise<AllowedCode> {
    if (kept === undefined || Date.now() > kept.until)
      kept = { allowed: await world.flow(client()).allow(), until: Date.now() + 20_000 };
    return kept.allowed;
  }
  const unknown = '400 invalid_grant code_unknown';
  const verifier = '400 invalid_grant code_verifier';
  const fields = async (): Promise<Fields> => {
    const { code, verifier: codeVerifier } = await allowed();
    return [
      ['grant_type', 'authorization_code'],
      ['code', code],
      ['redirect_uri', redirectUri],
      ['code_verifier', codeVerifier],
    ];
  };
  const rules: readonly ParameterRule[] = [
    grantRule,
    {
      name: 'code',
      missing,
      oversized: unknown,
      malformed: [
        ['one that nobody was given', 'A'.repeat(43), unknown],
        ['a JWT', () => client().assertion(), unknown],
        ['a list in JSON', '["x"]', unknown],
      ],
    },
    {
      name: 'redirect_uri',
      missing,
      oversized: '400 invalid_grant code_redirect_uri',
      malformed: [`${redirectUri}/`, redirectUri.toUpperCase(), 'https://evil.example'].map((uri) => [
        uri,
        uri,
        '400 invalid_grant code_redirect_uri',
      ]),
    },
    {
      name: 'code_verifier',
      missing: verifier,
      oversized: verifier,
      malformed: [
        ['of another request', 'A'.repeat(43), verifier],
        ['too short', 'A'.repeat(42), verifier],
        ['too long', 'A'.repeat(129), verifier],
        ['with a character that is none of its own', `${'A'.repeat(42)}!`, verifier],
        ['the challenge itself', () => kept?.allowed.challenge ?? '', verifier],
      ],
    },
  ];
  const another = () => world.firm('clr-core');

  it.each(mutationsOf([...authenticationRules(client, another), ...rules]))(
    '$name: $verdict',
    async ({ of, verdict }) => {
      const sent = of([...client().authentication(), ...(await fields())]);
      const answer = await ask(client(), sent);
      if (verdictOf(answer) === 'accepted') kept = undefined;
      expectVerdict(answer, verdict, sent);
    },
  );

  it('accepts the code after all of these refusals', async () => {
    expectVerdict(await ask(client(), [...client().authentication(), ...(await fields())]), 'accepted');
  });

  it.each<readonly [string, string, () => string, string]>([
    ['scope', 'wider than the consent', () => 'order:create settlement:instruct', '400 invalid_scope scope_wider'],
    ['scope', 'of the protocol, and not consented to', () => 'offline_access', '400 invalid_scope scope_wider'],
    ['scope', 'unknown', () => 'order:burn', scopeUnknown],
    ['resource', 'not of this client', () => doors.venue, '400 invalid_target target_not_allowed'],
    ['resource', 'not of this consent', () => `${world.issuer}/userinfo`, '400 invalid_target target_not_granted'],
    ['authorization_details', 'no JSON', () => 'x', wrongDetails],
    [
      'authorization_details',
      'another intent than was consented to',
      () => JSON.stringify([world.trading.order(world.mandate)]),
      '400 invalid_authorization_details details_wider',
    ],
  ])('refuses a %s that is %s, whatever the code', async (name, _, value, verdict) => {
    const { code, verifier: codeVerifier } = await world.flow(client()).allow([
      ['scope', 'openid order:create'],
      ['resource', doors.broker],
      ['authorization_details', JSON.stringify([world.trading.order(world.mandate)])],
    ]);
    const sent: Fields = [
      ...client().authentication(),
      ['grant_type', 'authorization_code'],
      ['code', code],
      ['redirect_uri', redirectUri],
      ['code_verifier', codeVerifier],
      ...(name === 'resource' ? [['scope', 'order:create'] as const] : []),
      [name, value()],
    ];
    expectVerdict(await ask(client(), sent), verdict, sent);
  });
});

describe('refresh_token', () => {
  const client = () => world.party('desk-dpop');
  let refreshToken: Promise<string> | undefined;
  const unknown = '400 invalid_grant refresh_token_unknown';
  async function issue(): Promise<string> {
    const flow = world.flow(client());
    const intent = JSON.stringify([world.trading.order(world.mandate)]);
    const allowed = await flow.allow([
      ['scope', 'openid offline_access order:create'],
      ['resource', doors.broker],
      ['authorization_details', intent],
    ]);
    const answer = await flow.redeem(allowed);
    accepted.set(client(), (accepted.get(client()) ?? 0) + 1);
    return textIn(answer, 'refresh_token');
  }
  matrixOf({
    client,
    valid: async () => {
      refreshToken ??= issue();
      return [
        ['grant_type', 'refresh_token'],
        ['refresh_token', await refreshToken],
        ['resource', doors.broker],
        ['scope', 'order:create'],
      ];
    },
    rules: [
      grantRule,
      {
        name: 'refresh_token',
        missing,
        oversized: unknown,
        malformed: [
          ['one that nobody was given', 'A'.repeat(43), unknown],
          ['a JWT', () => client().assertion(), unknown],
          ['a random id', () => randomUUID(), unknown],
        ],
      },
      ...targetRules('accepted', doors.venue),
      scopeRule({
        missing: 'accepted',
        malformed: [
          ...scopeRule().malformed,
          ['wider than the consent', 'order:create settlement:instruct', '400 invalid_scope scope_wider'],
        ],
      }),
      detailsRule((change) => JSON.stringify([{ ...world.trading.order(world.mandate), ...change }]), 'accepted'),
      {
        name: 'authorization_details',
        missing: 'accepted',
        oversized: wrongDetails,
        malformed: [
          [
            'another intent than was consented to',
            () => JSON.stringify([world.trading.order(world.mandate)]),
            '400 invalid_authorization_details details_wider',
          ],
        ],
      },
    ],
  });
});

describe('a grant that a client is not registered for', () => {
  it.each<readonly [string, () => RawClient, Fields]>([
    ['client_credentials', () => world.firm('ha-oms'), []],
    [
      'authorization_code',
      () => world.firm('brk-orders'),
      [
        ['code', 'x'],
        ['redirect_uri', redirectUri],
        ['code_verifier', 'x'],
      ],
    ],
    ['refresh_token', () => world.firm('brk-orders'), [['refresh_token', 'x']]],
    [jwtBearerGrant, () => world.firm('clr-core'), [['assertion', 'x']]],
    [
      exchangeGrant,
      () => world.firm('ha-oms'),
      [
        ['subject_token', 'x'],
        ['subject_token_type', accessTokenType],
      ],
    ],
  ])('%s: nothing else is checked', async (grantType, client, fields) => {
    const answer = await client().post('/token', [['grant_type', grantType], ...fields]);
    expectVerdict(answer, '400 unauthorized_client grant_not_allowed', fields);
  });
});

describe('the token endpoint, before it reads a parameter', () => {
  it.each([...transportCases, ...doubledProofs])('refuses $name', async ({ send, verdict }) => {
    const client = world.firm('clr-core');
    const fields: Fields = [
      ...client.authentication(),
      ['grant_type', 'client_credentials'],
      ['resource', `${world.issuer}/transactions`],
      ['scope', 'settlement:read'],
    ];
    expectVerdict(await send(client, `${world.issuer}/token`, fields), verdict, fields);
  });
});

describe('the token endpoint, after all of that', () => {
  it('has issued what it released, and nothing else', async () => {
    for (const [client, count] of accepted)
      expect([client.id, await world.recorded(client, 'token.issued', 'token.exchanged')]).toEqual([client.id, count]);
    expect(await world.recorded(world.firm('clr-core'), 'token.issued')).toBe(0);
  });

  it('has never failed with an internal error', () => {
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
