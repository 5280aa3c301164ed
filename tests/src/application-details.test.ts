import type { ApplicationModel, DeclaredDetailType } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type Client, createClient, createTransport, generateSigningKey, type TokenRequest } from '@countersign/sdk';
import { startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { activeBundle, publishModels } from './testing/application-models.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { claimsIn } from './testing/raw-client.ts';
import { codeOf, refusalBy } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// Authorization detail types declared by an application model: from the signed bundle to the token.

const type = 'https://portal.example/details/note-access';
const notes = 'https://portal.example/notes';
const archive = 'https://portal.example/archive';
const folder = scratchFolder();
const key = generateSigningKey();
let database: TestServer;
let node: RunningControlPlane;
let institution: string;

const declared: DeclaredDetailType = {
  type,
  audience: notes,
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['note', 'rights'],
    properties: {
      note: { type: 'string', minLength: 1, maxLength: 64 },
      rights: { type: 'array', maxItems: 2, uniqueItems: true, items: { type: 'string', enum: ['read', 'comment'] } },
      remark: { type: 'string', maxLength: 1024 },
      owner: {
        type: 'object',
        additionalProperties: false,
        properties: { desk: { type: 'string', maxLength: 1024 }, more: { type: 'string', maxLength: 1024 } },
      },
      extra: { type: 'array', maxItems: 8, items: { type: 'string', maxLength: 1024 } },
    },
  },
};

const model = (authorizationDetails: readonly DeclaredDetailType[]): ApplicationModel => ({
  namespace: 'Portal',
  types: { page: { entity: 'Page' } },
  clients: { ask: [], write: [] },
  schema:
    'namespace Portal { entity Page; action view appliesTo { principal: [Page], resource: [Page], context: {} }; }',
  policies: [{ file: 'all.cedar', text: '@id("all") permit (principal, action, resource);' }],
  entities: [],
  tests: [{ file: 'all.json', content: { tests: [] } }],
  authorizationDetails,
});

beforeAll(async () => {
  database = await startTestServer();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  institution = configuration.operator.lei;
  node = await runControlPlane(configuration);
  const client = (id: string, types: readonly string[] | undefined, change: object = {}) => ({
    ...{ id, institution, principal: `service:${id}`, grant_types: ['client_credentials'] },
    scopes: ['order:read', 'order:cancel', 'order:create', 'decision:evaluate'],
    audiences: [notes, archive, `${node.issuer}/transactions`],
    ...(types === undefined ? {} : { authorization_details_types: types }),
    jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
    ...change,
  });
  const another = generateSigningKey();
  const exchanging = generateSigningKey();
  const ofPeople = generateSigningKey();
  await node.operator.apply({
    services: ['portal', 'market-only', 'carrier', 'desk'].map((id) => ({
      id: `service:${id}`,
      institution,
      roles: [],
    })),
    resources: [notes, archive].map((uri) => ({
      ...{ uri, institution },
      scopes: ['order:read', 'order:cancel', 'order:create', 'decision:evaluate'],
    })),
    clients: [
      client('portal', [type, 'https://portal.example/details/undeclared', 'urn:countersign:rar:v1:trade_order']),
      client('market-only', undefined, { jwks: { keys: [{ ...another.publicJwk, kid: another.kid }] } }),
      client('desk', [type, 'urn:countersign:rar:v1:trade_order'], {
        ...{ kind: 'human', grant_types: ['authorization_code'], redirect_uris: ['https://portal.example/callback'] },
        jwks: { keys: [{ ...ofPeople.publicJwk, kid: ofPeople.kid }] },
      }),
      client('carrier', [type], {
        grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        jwks: { keys: [{ ...exchanging.publicJwk, kid: exchanging.kid }] },
      }),
    ],
  });
  desk = createClient({ issuer: node.issuer, clientId: 'desk', key: ofPeople });
  portal = createClient({ issuer: node.issuer, clientId: 'portal', key });
  marketOnly = createClient({ issuer: node.issuer, clientId: 'market-only', key: another });
  carrier = createClient({ issuer: node.issuer, clientId: 'carrier', key: exchanging });
  await publish([model([declared])]);
});
afterAll(async () => {
  await node?.stop();
  await database?.stop();
  folder.remove();
});

let portal: Client;
let marketOnly: Client;
let carrier: Client;
let desk: Client;

const publish = (applications: readonly ApplicationModel[]) => publishModels(node, applications);

/** The problems that publication reports about models, by code or in words. */
async function problemsOf(applications: readonly ApplicationModel[]): Promise<string> {
  const bundle = { ...(await activeBundle(node)), applications };
  const refused = await refusalBy(() =>
    node.operator.call('policies', 'policy:propose', { method: 'POST', path: '/policies/validate', body: { bundle } }),
  );
  if (!isCodedError(refused, 'policy_invalid')) throw refused;
  return JSON.stringify(refused.facts?.['problems'] ?? refused.detail);
}

const detail = { type, note: 'steel-2026', rights: ['read'] };
const request = (change: object = {}, over: Partial<TokenRequest> = {}): TokenRequest => ({
  resource: notes,
  scope: 'order:read',
  authorizationDetails: [{ ...detail, ...change }],
  ...over,
});
const refusal = (client: Client, asked: TokenRequest) => codeOf(() => client.clientCredentials(asked));

it('a client registered for the type gets a token with the detail, and no transaction', async () => {
  const token = await portal.clientCredentials(request({ locations: [notes] }));
  expect(token.authorizationDetails).toEqual([{ ...detail, locations: [notes] }]);
  const claims = claimsIn(token.accessToken);
  expect(claims).toMatchObject({ aud: notes, scope: 'order:read', authorization_details: token.authorizationDetails });
  for (const name of ['txn', 'mandate', 'intent_digest', 'may_act']) expect(claims).not.toHaveProperty(name);
  // A protected interface of the institution sees the same.
  expect((await portal.introspect(token.accessToken))?.authorization_details).toEqual(token.authorizationDetails);
  const [issued] = (await node.operator.records({ type: 'token.issued' })).filter(
    ({ id }) => id === claims['evidence'],
  );
  expect(JSON.stringify(issued)).toContain('steel-2026');
  expect(await node.operator.records({ type: 'transaction.opened' })).toEqual([]);
});

it('the metadata lists the type', async () => {
  const { body } = await createTransport().send({
    method: 'GET',
    url: `${node.issuer}/.well-known/oauth-authorization-server`,
    headers: {},
  });
  expect((body as Record<string, unknown>)['authorization_details_types_supported']).toEqual(
    expect.arrayContaining([type, 'urn:countersign:rar:v1:trade_order']),
  );
});

it.each<[string, object, Partial<TokenRequest>, string]>([
  ['an unknown member', { admin: true }, {}, 'invalid_authorization_details details_malformed'],
  ['an unknown member below', { owner: { lead: 'x' } }, {}, 'invalid_authorization_details details_malformed'],
  ...['constructor', 'toString', '__proto__'].map((name): [string, object, Partial<TokenRequest>, string] => [
    `a member called ${name}`,
    Object.defineProperty({}, name, { value: { note: 'b' }, enumerable: true }),
    {},
    'invalid_authorization_details details_malformed',
  ]),
  ['a missing member', { note: undefined }, {}, 'invalid_authorization_details details_malformed'],
  ['another value', { rights: ['delete'] }, {}, 'invalid_authorization_details details_malformed'],
  ['a number for text', { note: 7 }, {}, 'invalid_authorization_details details_malformed'],
  ['text that is too long', { remark: 'x'.repeat(1025) }, {}, 'invalid_authorization_details details_malformed'],
  [
    'more all together than a token carries',
    { extra: Array.from({ length: 5 }, () => 'x'.repeat(1000)) },
    {},
    'invalid_authorization_details details_malformed',
  ],
  ['text that no record can hold', { note: '\u0000' }, {}, 'invalid_authorization_details details_malformed'],
  ['another interface', {}, { resource: archive }, 'invalid_authorization_details details_location'],
  ['another location', { locations: [archive] }, {}, 'invalid_authorization_details details_location'],
  ['a further location', { locations: [notes, archive] }, {}, 'invalid_authorization_details details_location'],
  [
    'a type that nothing declares',
    { type: 'https://portal.example/details/undeclared' },
    {},
    'invalid_authorization_details details_unsupported',
  ],
  ['its type in other letters', { type: type.toUpperCase() }, {}, 'invalid_authorization_details details_malformed'],
  [
    'two of them',
    {},
    { authorizationDetails: [detail, { ...detail, note: 'b' }] },
    'invalid_authorization_details details_malformed',
  ],
  ['a scope to deal', {}, { scope: 'order:create' }, 'invalid_scope scope_not_of_detail'],
  ['a scope of the control plane', {}, { scope: 'decision:evaluate' }, 'invalid_scope scope_not_of_detail'],
  ['a scope to cancel', {}, { scope: 'order:cancel' }, 'invalid_scope scope_not_of_detail'],
  // The name of the market's type with members of the application, and an application's with those of an intent.
  [
    'the type of an order',
    { type: 'urn:countersign:rar:v1:trade_order' },
    { scope: 'order:create' },
    'invalid_authorization_details details_malformed',
  ],
  [
    'the members of an intent',
    { mandate_id: 'mnd_01', locations: [notes], actions: ['create'] },
    { scope: 'order:create' },
    'invalid_scope scope_not_of_detail',
  ],
])('a client is refused %s', async (_, change, over, code) => {
  expect(await refusal(portal, request(change, over))).toBe(code);
});

it('a client that names no types gets only those of the market', async () => {
  expect(await refusal(marketOnly, request())).toBe('invalid_authorization_details details_not_allowed');
});

it('a person is not asked about a detail that no page can show', async () => {
  const about = { redirectUri: 'https://portal.example/callback', state: 'state', codeChallenge: 'A'.repeat(43) };
  const { authorizationDetails: _, ...plain } = request();
  expect(await desk.pushAuthorization({ ...plain, ...about })).toContain('request_uri');
  expect(await codeOf(() => desk.pushAuthorization({ ...request(), ...about }))).toBe(
    'invalid_authorization_details details_unsupported',
  );
});

it('a model cannot give tokens a meaning at a control-plane interface', async () => {
  const transactions = `${node.issuer}/transactions`;
  await publish([model([{ ...declared, audience: transactions }])]);
  expect(await refusal(portal, request({}, { resource: transactions }))).toBe(
    'invalid_authorization_details details_location',
  );
  await publish([model([declared])]);
});

it('a token with such a detail cannot be exchanged', async () => {
  const { accessToken } = await carrier.clientCredentials(request());
  const asked = { resource: archive, scope: 'order:read' };
  expect(await codeOf(() => carrier.exchange(accessToken, asked))).toBe(
    'invalid_authorization_details details_unsupported',
  );
});

it.each<[string, readonly ApplicationModel[], string, string]>([
  [
    'a type of the market',
    [model([{ ...declared, type: 'urn:countersign:rar:v1:trade_order' }])],
    'details_type_taken',
    'the market',
  ],
  [
    'a step of a transaction',
    [model([{ ...declared, type: 'urn:countersign:rar:v1:transaction_step' }])],
    'details_type_taken',
    'the market',
  ],
  [
    'a name below the market’s',
    [model([{ ...declared, type: 'URN:Countersign:x' }])],
    'details_type_taken',
    'the market',
  ],
  [
    'a type of another model, in other letters',
    [
      {
        ...model([declared]),
        namespace: 'Other',
        types: { other: { entity: 'Page' } },
        schema: model([]).schema.replace('Portal', 'Other'),
      },
      model([{ ...declared, type: `${type.slice(0, -1)}S` }]),
    ],
    'details_type_taken',
    'the model Other',
  ],
  ['an invalid audience', [model([{ ...declared, audience: 'notes' }])], 'details_schema_invalid', 'audience'],
  ...(
    [
      ['an open object', { type: 'object', properties: {} }, 'additionalProperties must be false'],
      [
        'a reference',
        { type: 'object', additionalProperties: false, properties: { a: { $ref: 'https://x.example' } } },
        '/properties/a/type',
      ],
      [
        'a pattern',
        {
          type: 'object',
          additionalProperties: false,
          properties: { a: { type: 'string', maxLength: 9, pattern: '(a+)+$' } },
        },
        '/properties/a/pattern',
      ],
      [
        'text without an end',
        { type: 'object', additionalProperties: false, properties: { a: { type: 'string' } } },
        'maxLength',
      ],
      [
        'a list without an end',
        {
          type: 'object',
          additionalProperties: false,
          properties: { a: { type: 'array', items: { type: 'boolean' } } },
        },
        'maxItems',
      ],
      [
        'a fraction',
        { type: 'object', additionalProperties: false, properties: { a: { type: 'number' } } },
        '/properties/a/type',
      ],
      [
        'another meaning of locations',
        { type: 'object', additionalProperties: false, properties: { locations: { type: 'boolean' } } },
        'the server reads it',
      ],
      [
        'a member that is not a name',
        { type: 'object', additionalProperties: false, properties: { constructor: { type: 'boolean' } } },
        'an invalid name',
      ],
      [
        'a required member that is unknown',
        { type: 'object', additionalProperties: false, properties: {}, required: ['a'] },
        'required',
      ],
      ['no object', { type: 'string', maxLength: 4 }, '/type must be object'],
      [
        'five levels',
        [1, 2, 3, 4].reduce<object>(
          (items) => ({ type: 'object', additionalProperties: false, properties: { a: items } }),
          { type: 'boolean' },
        ),
        'deeper than',
      ],
    ] as const
  ).map(([name, schema, words]): [string, readonly ApplicationModel[], string, string] => [
    name,
    [model([{ ...declared, schema: schema as never }])],
    'details_schema_invalid',
    words,
  ]),
])('a model that declares %s is refused', async (_, applications, code, words) => {
  const problems = await problemsOf(applications);
  expect(problems).toContain(`"code":"${code}"`);
  expect(problems).toContain(words);
  expect(problems).toContain('authorization-details.json');
});

it('a declared type is refused and no longer listed once the model is removed', async () => {
  await publish([]);
  expect(await refusal(portal, request())).toBe('invalid_authorization_details details_unsupported');
  const { body } = await createTransport().send({
    method: 'GET',
    url: `${node.issuer}/.well-known/oauth-authorization-server`,
    headers: {},
  });
  expect((body as Record<string, unknown>)['authorization_details_types_supported']).not.toContain(type);
});
