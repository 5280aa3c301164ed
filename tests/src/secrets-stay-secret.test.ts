import { createHash } from 'node:crypto';
import { startTestServer, type TestServer } from '@countersign/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowAll, askPerson, redeemFields } from './testing/backchannel.ts';
import { type CodeFlow, createPkce, textIn } from './testing/code-flow.ts';
import { accessTokenType, exchangeGrant, jwtBearerGrant } from './testing/credentials.ts';
import { doors } from './testing/firms.ts';
import { formOf, personBrowser, type Visit } from './testing/person-browser.ts';
import type { Fields, RawClient } from './testing/raw-client.ts';
import { dashboardRedirectUri, redirectUri } from './testing/relying-parties.ts';
import { opaqueDoor, opaqueOrder, openTokenClassWorld, type TokenClassWorld } from './testing/token-classes.ts';
import { send, type WireAnswer } from './testing/wire.ts';
import { type Wiretap, wiretap } from './testing/wiretap.ts';

// Flows of every kind, valid and invalid, then a search for every credential used in them: in the log at its lowest level, in
// the evidence, in the database, in the addresses that browsers are sent to, on pages, and in error messages.

let database: TestServer;
let world: TokenClassWorld;
let tap: Wiretap;
/** The credentials, by kind. */
const secrets = new Map<string, string>();
const answers: string[] = [];
const pages: string[] = [];

const keep = (what: string, ...values: readonly string[]): void => {
  for (const value of values) if (value.length >= 16) secrets.set(value, what);
};

/** Every credential that a client sends or receives. */
function watched(client: RawClient): RawClient {
  const watch = (answer: WireAnswer): WireAnswer => {
    if (answer.status >= 400) answers.push(answer.body);
    for (const name of ['access_token', 'refresh_token', 'id_token', 'request_uri', 'auth_req_id', 'grant_id']) {
      const value = answer.members[name];
      if (typeof value === 'string') keep(name, value);
    }
    return answer;
  };
  const { post, postOnly, call, proof, requestObject, assertion } = client;
  return Object.assign(client, {
    post: async (...args: Parameters<typeof post>) => watch(await post(...args)),
    postOnly: async (...args: Parameters<typeof postOnly>) => {
      for (const [name, value] of args[1])
        if (
          [
            'client_assertion',
            'assertion',
            'request',
            'code_verifier',
            'code',
            'token',
            'subject_token',
            'refresh_token',
            'client_secret',
          ].includes(name)
        )
          keep(name, value);
      return watch(await postOnly(...args));
    },
    call: async (...args: Parameters<typeof call>) => watch(await call(...args)),
    proof: (...args: Parameters<typeof proof>) => kept('DPoP proof', proof(...args)),
    requestObject: (...args: Parameters<typeof requestObject>) => kept('request object', requestObject(...args)),
    assertion: (...args: Parameters<typeof assertion>) => kept('client assertion', assertion(...args)),
  });
}
const kept = (what: string, value: string): string => {
  keep(what, value);
  return value;
};
const seen = (visit: Visit): Visit => {
  pages.push(visit.body);
  return visit;
};

beforeAll(async () => {
  database = await startTestServer();
  tap = wiretap();
  world = await openTokenClassWorld({ database: database.connection });
  for (const [what, token] of Object.entries(world.tokens)) if (what !== 'list of revocations') keep(what, token);
  await runFlows();
}, 120_000);
afterAll(async () => {
  tap?.stop();
  await world?.stop();
  await database?.stop();
});

async function runFlows(): Promise<void> {
  const { issuer, trading } = world;
  const trader = trading.firms.people.trader.id;
  const desk = watched(world.party('desk-dpop'));
  const flow = world.flow(desk);

  // A person allows an order; the client uses its tokens, and then everything goes wrong.
  const allowed = await allowInSteps(desk, flow, trader);
  const redeemed = await flow.redeem(allowed);
  await flow.refresh(textIn(redeemed, 'refresh_token'), [
    ['resource', `${issuer}/userinfo`],
    ['scope', 'openid'],
  ]);
  await desk.call(`${issuer}/userinfo`, textIn(redeemed, 'access_token'));
  await flow.redeem({ ...allowed, verifier: createPkce().verifier });
  await flow.redeem(allowed);
  await flow.refresh(textIn(redeemed, 'refresh_token'));
  await desk.post('/revoke', [['token', textIn(redeemed, 'refresh_token')]]);
  await desk.post('/introspect', [['token', textIn(redeemed, 'access_token')]]);

  // Wrong credentials, in every place where there can be one.
  const used = desk.proof(`${issuer}/token`);
  for (const _ of [1, 2]) await desk.post('/token', [['grant_type', 'authorization_code']], { dpop: [used] });
  await desk.post('/token', [['client_secret', 'a-secret-that-somebody-sends']]);
  await desk.post('/token', [], {
    headers: {
      authorization: `Basic ${kept('password', Buffer.from('desk:a-password-that-is-sent').toString('base64'))}`,
    },
  });
  await desk.post('/token', [
    ['grant_type', 'refresh_token'],
    ['refresh_token', kept('unknown refresh token', 'R'.repeat(43))],
  ]);
  await desk.post('/par', [['request', desk.requestObject({ scope: 'openid' }, { aud: 'https://another.example' })]]);
  await desk.postOnly('/token', [
    ['client_assertion_type', 'x'],
    ['client_assertion', desk.assertion()],
  ]);
  await desk.postOnly('/token', [...desk.authentication(), ['code', 'x'], ['code', 'y']]);

  // Firms: an assertion, an exchange, a reference; valid, then from the wrong client.
  const oms = watched(world.firm('ha-oms'));
  const broker = watched(world.firm('brk-orders'));
  const assertion = kept('assertion', await trading.assertion());
  const forOrder: Fields = [
    ['grant_type', jwtBearerGrant],
    ['assertion', assertion],
    ['resource', opaqueDoor],
    ['scope', 'order:create'],
    opaqueOrder(world),
  ];
  const reference = textIn(await oms.post('/token', forOrder), 'access_token');
  await oms.post('/token', forOrder);
  for (const client of [broker, oms]) {
    await client.post('/introspect', [['token', reference]]);
    await client.post('/introspect', [['token', reference]], {
      headers: { accept: 'application/token-introspection+jwt' },
    });
    await client.post('/token', [
      ['grant_type', exchangeGrant],
      ['subject_token', reference],
      ['subject_token_type', accessTokenType],
      ['resource', doors.venue],
    ]);
    await client.post('/revoke', [['token', reference]]);
    await client.call(`${issuer}/decisions/policy`, reference);
    await client.call(`${issuer}/decisions/policy`, world.tokens['access token for a firm']);
  }

  // On another device.
  const ciba = watched(world.own('desk-ciba'));
  const asked = await askPerson(ciba, { scope: 'openid', binding_message: 'B2', login_hint: trader });
  await ciba.post('/token', redeemFields(textIn(asked, 'auth_req_id')));
  await allowAll(personBrowser(issuer), issuer, trader);
  for (const _ of [1, 2]) await ciba.post('/token', redeemFields(textIn(asked, 'auth_req_id')));

  await signInAndOut();
}

/** A browser's whole flow, page by page. */
async function allowInSteps(desk: RawClient, flow: CodeFlow, person: string) {
  const pkce = createPkce();
  keep('code_verifier', pkce.verifier);
  const uri = await flow.push(
    flow.request(pkce, [
      ['scope', 'openid offline_access order:create'],
      ['resource', doors.broker],
      ['authorization_details', JSON.stringify([world.trading.order(world.mandate)])],
      ['state', 'state-of-the-client'],
    ]),
  );
  const browser = personBrowser(world.issuer);
  const signIn = seen(await browser.open(flow.urlOf(uri)));
  const consent = seen(await browser.submit(formOf(signIn, 'sign-in'), { person }));
  const form = formOf(consent);
  keep('csrf', form.fields['csrf'] ?? '');
  seen(await browser.submit({ ...form, fields: { ...form.fields, csrf: 'x' } }, { decision: 'allow' }));
  const answer = await browser.submit(form, { decision: 'allow' });
  seen(await browser.submit(form, { decision: 'allow' }));
  seen(await browser.open(flow.urlOf(uri)));
  const code = answer.leaves?.searchParams.get('code') ?? '';
  keep('code', code);
  expect(desk.id).toBe('desk-dpop');
  return { ...pkce, code };
}

async function signInAndOut(): Promise<void> {
  const { issuer, trading } = world;
  const dashboard = watched(world.party('dashboard'));
  const pkce = createPkce();
  const browser = personBrowser(issuer);
  const query = new URLSearchParams({
    client_id: 'dashboard',
    response_type: 'code',
    redirect_uri: dashboardRedirectUri,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    scope: 'openid',
  });
  const back = await browser.authorize(`${issuer}/authorize?${query.toString()}`, {
    person: trading.firms.people.supervisor.id,
  });
  const redeemed = await dashboard.post('/token', [
    ['grant_type', 'authorization_code'],
    ['code', kept('code', back.searchParams.get('code') ?? '')],
    ['redirect_uri', dashboardRedirectUri],
    ['code_verifier', kept('code_verifier', pkce.verifier)],
  ]);
  const authorization = `Bearer ${textIn(redeemed, 'access_token')}`;
  for (const path of ['/userinfo', '/decisions/policy'])
    answers.push((await send({ method: 'GET', url: issuer + path, headers: { authorization } })).body);
  const goodbye = new URLSearchParams({
    id_token_hint: textIn(redeemed, 'id_token'),
    post_logout_redirect_uri: 'https://dashboard.example/goodbye',
    state: 'over',
  });
  seen(await browser.open(`${issuer}/logout?${goodbye.toString()}`));
  seen(await browser.open(`${issuer}/logout?id_token_hint=${kept('wrong hint', `${textIn(redeemed, 'id_token')}x`)}`));
}

/** The credentials in a text: as a whole, or by the signature of a JWT. Reported by kind, not by value. */
function leaked(text: string, except: readonly string[] = []): readonly string[] {
  const found: string[] = [];
  for (const [secret, what] of secrets) {
    if (except.includes(what)) continue;
    const parts = secret.split('.');
    const telling = parts.length === 3 ? [parts[2] ?? ''] : [secret.replace(/^urn:.*:/, '')];
    if (telling.some((part) => part.length >= 16 && text.includes(part))) found.push(what);
  }
  return found;
}

describe('a credential', () => {
  it('was there to be found', () => {
    for (const cookie of tap.cookies) keep('cookie', cookie);
    const kinds = new Set(secrets.values());
    for (const kind of [
      ...['access_token', 'refresh_token', 'id_token', 'request_uri', 'auth_req_id', 'code', 'code_verifier', 'csrf'],
      ...['client assertion', 'DPoP proof', 'request object', 'assertion', 'cookie', 'authorization response (JARM)'],
    ])
      expect([...kinds]).toContain(kind);
    expect(secrets.size).toBeGreaterThan(80);
    // The search finds an existing one.
    const [any = ''] = secrets.keys();
    expect(leaked(`{"value":"${any}"}`)).toHaveLength(1);
  });

  it('is in no line of the log, at its lowest level', () => {
    const logged = world.logged();
    expect(logged).toContain('request refused');
    expect(leaked(logged)).toEqual([]);
  });

  it('is in no record of the evidence', async () => {
    const records = await world.controlPlane.operator.records();
    expect(records.length).toBeGreaterThan(50);
    expect(leaked(JSON.stringify(records))).toEqual([]);
    // They name it by its hash, so that a found token can be traced.
    const token = world.tokens['access token for a firm'];
    expect(JSON.stringify(records)).toContain(createHash('sha256').update(token).digest('base64url'));
  });

  it('is not in the database, except the token behind a reference', async () => {
    const { user, password, host, port, database: name } = database.connection;
    const client = new pg.Client({ user, password, host, port, database: name });
    await client.connect();
    const { rows } = await client.query<{ table: string }>(
      `select format('%I.%I', table_schema, table_name) as table from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    expect(rows.length).toBeGreaterThan(20);
    let looked = 0;
    for (const { table } of rows) {
      // Raw bytes, in any column.
      const content = await client.query<{ row: string }>(`select t::text as row from ${table} as t`);
      const bytes = content.rows.map(({ row }) => row + bytesIn(row)).join('\n');
      looked += content.rows.length;
      expect([table, leaked(bytes)]).toEqual([table, []]);
    }
    expect(looked).toBeGreaterThan(100);
    await client.end();
  });

  it('is in no address that a browser is sent to, except what goes to the client that way', () => {
    expect(tap.locations.length).toBeGreaterThan(20);
    for (const location of tap.locations) {
      const url = new URL(location, world.issuer);
      // RFC 6749 section 4.1.2, JARM section 2.3.1.
      const allowed = ['code', 'response'].filter((name) => url.searchParams.has(name));
      for (const name of allowed) url.searchParams.delete(name);
      expect([url.pathname, leaked(url.href)]).toEqual([url.pathname, []]);
      if (allowed.length > 0) expect([redirectUri, dashboardRedirectUri]).toContain(url.origin + url.pathname);
    }
  });

  it('is on no page, except the token of its form; nor in a link', () => {
    expect(pages.length).toBeGreaterThan(5);
    for (const page of pages) {
      expect(leaked(page, ['csrf'])).toEqual([]);
      for (const [, href = ''] of page.matchAll(/(?:href|src|action)="([^"]*)"/g)) expect(leaked(href)).toEqual([]);
    }
  });

  it('is in no error message', () => {
    expect(answers.length).toBeGreaterThan(20);
    for (const answer of answers) expect(leaked(answer)).toEqual([]);
  });

  it('is in no metric', async () => {
    const { body } = await send({ method: 'GET', url: `${world.issuer}/metrics` });
    expect(body).toContain('/token');
    expect(leaked(body)).toEqual([]);
  });
});

/** The content of `bytea` columns as text: a secret stored in the clear would be found there too. */
function bytesIn(row: string): string {
  return [...row.matchAll(/\\x([0-9a-f]{2,})/g)]
    .map(([, hex = '']) => Buffer.from(hex, 'hex').toString('latin1'))
    .join('\n');
}
