import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { createPkce } from '../testing/code-flow.ts';
import {
  expectNothingReleased,
  expectVerdict,
  faultsIn,
  mutationsOf,
  type ParameterRule,
  verdictOf,
} from '../testing/negative-matrix.ts';
import { type Form, formOf, personBrowser } from '../testing/person-browser.ts';
import { encodeFields, type Fields, formType } from '../testing/raw-client.ts';
import { dashboardRedirectUri } from '../testing/relying-parties.ts';
import { send, type WireAnswer } from '../testing/wire.ts';

// Input at the authorization endpoint: a reference to a pushed request or, for an ordinary relying party, the parameters
// themselves. Until client and redirect URI are trusted, the error is shown to the person only; afterwards it goes to the
// client.

let world: AuthorizationWorld;

beforeAll(async () => {
  world = await openAuthorizationWorld();
});
afterAll(() => world?.stop());

const pkce = createPkce();
const desk = () => world.party('desk-dpop');
const page = (code: string) => `400 page ${code}`;
const repeated = page('form_repeated');
const bad = page('parameter_malformed');
const long = page('parameter_too_long');

/** `sent back`: the client gets the error, with the issuer that sent it. */
const arrive = (fields: Fields): Promise<WireAnswer> =>
  send({ method: 'GET', url: `${world.issuer}/authorize?${encodeFields(fields)}` });

function expectSentBack({ headers }: WireAnswer, state?: string): void {
  const location = new URL(String(headers.location));
  expect(location.origin + location.pathname).toBe(dashboardRedirectUri);
  // RFC 9207 section 2: also on errors.
  expect(location.searchParams.get('iss')).toBe(world.issuer);
  expect(location.searchParams.get('state') ?? undefined).toBe(state);
}

describe('the authorization endpoint refuses requests that were not pushed, by each of its two parameters', () => {
  const requestUri = async () => {
    const flow = world.flow(desk());
    return flow.push(flow.request(pkce));
  };
  const prefix = 'urn:ietf:params:oauth:request_uri:';
  const rules: readonly ParameterRule[] = [
    {
      name: 'client_id',
      missing: page('client_id_missing'),
      doubled: repeated,
      oversized: page('client_unknown'),
      malformed: [
        ['of another client', 'desk-signed', page('request_uri_unknown')],
        ['of nobody', 'nobody', page('client_unknown')],
        ['in capitals', 'DESK-DPOP', page('client_unknown')],
        ['with markup', '<script>alert(1)</script>', page('client_unknown')],
      ],
    },
    {
      name: 'request_uri',
      missing: page('pushed_request_required'),
      doubled: repeated,
      oversized: page('request_uri_unknown'),
      malformed: [
        ['one that nobody was given', `${prefix}${'A'.repeat(43)}`, page('request_uri_unknown')],
        ['too short', `${prefix}abc`, page('request_uri_unknown')],
        ['of another name space', `urn:example:${'A'.repeat(43)}`, page('request_uri_unknown')],
        ['in capitals', `${prefix.toUpperCase()}${'A'.repeat(43)}`, page('request_uri_unknown')],
        ['an address', 'https://desk.example/request', page('request_uri_unknown')],
        ['for the database', `${prefix}' or 1=1 --`, page('request_uri_unknown')],
      ],
    },
  ];

  it.each(mutationsOf(rules, 9_000))('$name: $verdict', async ({ of, verdict }) => {
    const valid: Fields = [
      ['client_id', 'desk-dpop'],
      ['request_uri', await requestUri()],
    ];
    expectVerdict(await arrive(valid), 'accepted');
    expectVerdict(await arrive(of(valid)), verdict, of(valid));
  });

  it('after it was answered, in whatever browser', async () => {
    const flow = world.flow(desk());
    const uri = await flow.push(flow.request(pkce));
    const person = world.trading.firms.people.trader.id;
    const first = personBrowser(world.issuer);
    // Loading the page uses nothing up: a person may reload it before deciding.
    for (const _ of [1, 2]) expect((await first.open(flow.urlOf(uri))).url.pathname).toMatch(/^\/sign-in\//);
    expect((await first.authorize(flow.urlOf(uri), { person })).searchParams.get('code')).not.toBeNull();
    expectVerdict(await send({ method: 'GET', url: flow.urlOf(uri) }), page('request_uri_used'));
    await expect(personBrowser(world.issuer).authorize(flow.urlOf(uri), { person })).rejects.toThrow(
      'request_uri_used',
    );
  });
});

describe('the authorization endpoint refuses an ordinary relying party, parameter by parameter', () => {
  const valid: Fields = [
    ['client_id', 'dashboard'],
    ['response_type', 'code'],
    ['redirect_uri', dashboardRedirectUri],
    ['code_challenge', pkce.challenge],
    ['code_challenge_method', 'S256'],
    ['scope', 'openid'],
    ['state', 'state-1'],
    ['nonce', 'nonce-1'],
    ['response_mode', 'query'],
    ['prompt', 'login'],
    ['max_age', '300'],
    ['acr_values', 'urn:countersign:acr:development'],
    ['claims', '{"userinfo":{"acr":null}}'],
    ['login_hint', 'bernd'],
    ['ui_locales', 'de en'],
  ];
  const told = '303 invalid_request';
  const rules: readonly ParameterRule[] = [
    {
      name: 'client_id',
      missing: page('client_id_missing'),
      doubled: repeated,
      oversized: page('client_unknown'),
      malformed: [['of a client that must push', 'desk-dpop', page('pushed_request_required')]],
    },
    {
      name: 'response_type',
      missing: told,
      doubled: repeated,
      oversized: told,
      malformed: ['token', 'code id_token', 'id_token', 'none'].map((type) => [
        type,
        type,
        '303 unsupported_response_type',
      ]),
    },
    {
      name: 'redirect_uri',
      missing: page('parameter_missing'),
      doubled: repeated,
      oversized: long,
      malformed: [
        ['relative', '/callback', bad],
        ['with a fragment', `${dashboardRedirectUri}#x`, bad],
        ...['https://evil.example/callback', `${dashboardRedirectUri}?next=x`, 'javascript:alert(1)'].map(
          (uri) => [uri, uri, page('redirect_uri_unregistered')] as const,
        ),
      ],
    },
    {
      name: 'code_challenge',
      missing: told,
      doubled: repeated,
      oversized: told,
      malformed: [['too short', 'abc', told]],
    },
    {
      name: 'code_challenge_method',
      missing: told,
      doubled: repeated,
      oversized: told,
      malformed: [['plain', 'plain', told]],
    },
    {
      name: 'scope',
      missing: '303 invalid_scope',
      doubled: repeated,
      oversized: told,
      malformed: [
        ['two spaces', 'openid  profile', '303 invalid_scope'],
        ['of the market', 'openid order:create', '303 invalid_scope'],
        ['offline_access, which it is not registered for', 'openid offline_access', 'accepted'],
        ['unknown', 'openid everything', '303 invalid_scope'],
      ],
    },
    {
      name: 'state',
      missing: 'accepted',
      doubled: repeated,
      oversized: long,
      malformed: [['a line break', 'a\r\nLocation: x', bad]],
    },
    {
      name: 'nonce',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [['a control character', 'a\u0001', told]],
    },
    {
      name: 'response_mode',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: ['fragment', 'form_post', 'x'].map((mode) => [mode, mode, told]),
    },
    {
      name: 'prompt',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [
        ['none with another', 'none consent', told],
        ['none, and nobody is signed in', 'none', '303 login_required'],
        ['unknown', 'create', told],
      ],
    },
    {
      name: 'max_age',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: ['-1', '1.5', 'x'].map((age) => [age, age, told]),
    },
    {
      name: 'acr_values',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [['two spaces', 'a  b', told]],
    },
    {
      name: 'claims',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [['no JSON', 'x', told]],
    },
    {
      name: 'login_hint',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [['a control character', '\u0007', told]],
    },
    {
      name: 'id_token_hint',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [['no ID token', 'x', told]],
    },
    {
      name: 'resource',
      missing: 'accepted',
      doubled: repeated,
      oversized: told,
      malformed: [
        ['with a fragment', 'https://a.example#x', '303 invalid_target'],
        ['unknown', 'https://nobody.example', '303 invalid_target'],
      ],
    },
    {
      name: 'authorization_details',
      missing: 'accepted',
      doubled: repeated,
      oversized: '303 invalid_authorization_details',
      malformed: [
        ['no JSON', 'x', '303 invalid_authorization_details'],
        ['of a type of its own', '[{"type":"x"}]', '303 invalid_authorization_details'],
      ],
    },
    {
      name: 'request',
      missing: 'accepted',
      doubled: repeated,
      oversized: '303 request_not_supported',
      malformed: [['of any form', 'x', '303 request_not_supported']],
    },
    {
      name: 'request_uri',
      missing: 'accepted',
      doubled: repeated,
      oversized: '303 request_uri_not_supported',
      malformed: [
        ['an address', 'https://dashboard.example/request', '303 request_uri_not_supported'],
        [
          'one that nobody was given',
          `urn:ietf:params:oauth:request_uri:${'A'.repeat(43)}`,
          page('request_uri_unknown'),
        ],
      ],
    },
    {
      name: 'ui_locales',
      missing: 'accepted',
      doubled: repeated,
      oversized: 'accepted',
      oversize: 'x'.repeat(8_000),
      malformed: [
        ['of no form', '\u0001', 'accepted'],
        ['U+0000, which is refused whatever it is a parameter of', 'a\u0000', page('form_malformed')],
      ],
    },
  ];

  it.each(mutationsOf(rules, 9_000))('$name: $verdict', async ({ of, verdict }) => {
    const fields = of(valid);
    const answer = await arrive(fields);
    expect(verdictOf(answer)).toBe(verdict);
    if (verdict.startsWith('303')) expectSentBack(answer, 'state-1');
    if (verdict.startsWith('400')) expectNothingReleased(answer, fields);
  });
});

describe('the authorization endpoint refuses a request of another form', () => {
  const valid: Fields = [
    ['client_id', 'dashboard'],
    ['response_type', 'code'],
    ['redirect_uri', dashboardRedirectUri],
  ];
  const url = () => `${world.issuer}/authorize`;

  it.each(['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])('by %s', async (method) => {
    const answer = await send({ method, url: `${url()}?${encodeFields(valid)}` });
    expect(answer.status).toBe(404);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('by POST with JSON, which is not a form', async () => {
    const body = JSON.stringify(Object.fromEntries(valid));
    const answer = await send({ method: 'POST', url: url(), headers: { 'content-type': 'application/json' }, body });
    // Redirected as a GET without parameters, like every form.
    expect([answer.status, answer.headers.location]).toEqual([303, '/authorize?']);
    expectVerdict(await send({ method: 'GET', url: `${url()}?` }), page('client_id_missing'));
  });

  it.each([
    ['a parameter twice', 'client_id=dashboard&client_id=dashboard', page('form_repeated')],
    ['an oversized body', `client_id=dashboard&x=${'x'.repeat(9_000)}`, '413 page form_too_large'],
    ['an encoding that is not UTF-8', 'client_id=%ff', page('form_malformed')],
  ])('by POST with %s', async (_, body, verdict) => {
    expectVerdict(await send({ method: 'POST', url: url(), headers: { 'content-type': formType }, body }), verdict);
  });

  it('with a query beyond the accepted length', async () => {
    const answer = await send({
      method: 'GET',
      url: `${url()}?x=${'x'.repeat(20_000)}`,
      alone: true,
    });
    expect([answer.status, answer.headers.location]).toEqual([431, undefined]);
  });

  it('with a query that is not a form', async () => {
    for (const query of ['client_id=%', '=x', 'client_id=%ff'])
      expectVerdict(await send({ method: 'GET', url: `${url()}?${query}` }), page('form_malformed'));
    expectVerdict(
      await send({ method: 'GET', url: `${url()}?${Array.from({ length: 41 }, (_, i) => `a${i}=1`).join('&')}` }),
      '413 page form_too_large',
    );
  });
});

describe('the decision of a person is refused from', () => {
  /** The consent page of a person who has signed in. */
  async function asked() {
    const flow = world.flow(desk());
    const browser = personBrowser(world.issuer);
    const signIn = await browser.open(flow.urlOf(await flow.push(flow.request(createPkce()))));
    const consent = await browser.submit(formOf(signIn, 'sign-in'), { person: world.trading.firms.people.trader.id });
    return { browser, form: formOf(consent) };
  }
  const without = ({ action, fields }: Form, name: string): Form => ({
    action,
    fields: Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name)),
  });
  const set = ({ action, fields }: Form, change: Readonly<Record<string, string>>): Form => ({
    action,
    fields: { ...fields, ...change },
  });

  it.each<readonly [string, (form: Form) => Form, string]>([
    ['without a decision', (form) => without(form, 'decision'), '400 page decision_missing'],
    ['with another word', (form) => set(form, { decision: 'yes' }), '400 page decision_missing'],
    ['without its token', (form) => set(without(form, 'csrf'), { decision: 'allow' }), '403 page csrf_token_invalid'],
    [
      'with a token made up',
      (form) => set(form, { csrf: 'A'.repeat(43), decision: 'allow' }),
      '403 page csrf_token_invalid',
    ],
    [
      'with a token without end',
      (form) => set(form, { csrf: 'A'.repeat(9_000), decision: 'allow' }),
      '403 page csrf_token_invalid',
    ],
    [
      'without its interaction',
      (form) => set(without(form, 'interaction'), { decision: 'allow' }),
      '400 page interaction_unknown',
    ],
    [
      'with another interaction',
      (form) => set(form, { interaction: 'A'.repeat(43), decision: 'allow' }),
      '400 page interaction_unknown',
    ],
    [
      'longer than a form may be',
      (form) => set(form, { decision: 'allow', more: 'x'.repeat(20_000) }),
      '400 page form_malformed',
    ],
  ])('a form %s', async (_, change, verdict) => {
    const { browser, form } = await asked();
    const { status, body } = await browser.submit(change(form));
    expect(`${status} page ${/<code>([^<]*)<\/code>/.exec(body)?.[1]}`).toBe(verdict);
  });

  it('a form of another person, in their own browser', async () => {
    const [theirs, ours] = [await asked(), await asked()];
    const taken = await ours.browser.submit(theirs.form, { decision: 'allow' });
    expect([taken.status, taken.leaves]).toEqual([400, undefined]);
    expect(taken.body).toContain('interaction_unknown');
    const mixed = await ours.browser.submit(set(ours.form, { csrf: theirs.form.fields['csrf'] ?? '' }), {
      decision: 'allow',
    });
    expect([mixed.status, mixed.leaves]).toEqual([403, undefined]);
  });

  it('a form sent from another site, or without the cookies of the browser', async () => {
    const { form } = await asked();
    const post = (headers: Readonly<Record<string, string>>) =>
      send({
        method: 'POST',
        url: form.action.href,
        headers: { 'content-type': formType, ...headers },
        body: encodeFields([...Object.entries(form.fields), ['decision', 'allow']]),
      });
    expectVerdict(await post({ origin: 'https://evil.example' }), '403 page csrf_token_invalid');
    expectVerdict(await post({ origin: world.issuer, 'sec-fetch-site': 'cross-site' }), '403 page csrf_token_invalid');
    expectVerdict(await post({ origin: world.issuer, 'sec-fetch-site': 'same-origin' }), page('interaction_unknown'));
  });

  it('a return from a sign-in that this browser did not start', async () => {
    const resume = (query: string) => send({ method: 'GET', url: `${world.issuer}/authorize/resume?${query}` });
    for (const query of ['', 'interaction=', `interaction=${'A'.repeat(43)}`, 'interaction=x'])
      expectVerdict(await resume(query), page('interaction_unknown'));
    expectVerdict(await resume('interaction=a&interaction=a'), page('form_repeated'));
  });
});

describe('after all of that', () => {
  it('codes were issued only to people who allowed them, and nothing failed with an internal error', async () => {
    expect(await world.recorded(desk(), 'authorization.granted')).toBe(1);
    expect(await world.recorded(world.party('dashboard'), 'authorization.granted')).toBe(0);
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
