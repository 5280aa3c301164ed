import { randomUUID } from 'node:crypto';
import { generateSigningKey } from '@countersign/sdk';
import { startTestServer, type TestServer } from '@countersign/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { createPkce, textIn } from '../testing/code-flow.ts';
import { clientAssertionType } from '../testing/credentials.ts';
import { expectVerdict, faultsIn, verdictOf } from '../testing/negative-matrix.ts';
import { formOf, personBrowser } from '../testing/person-browser.ts';
import { claimsIn, encodeFields, type Fields, formType, type RawClient, signJwt } from '../testing/raw-client.ts';
import { redirectUri } from '../testing/relying-parties.ts';
import { send } from '../testing/wire.ts';

/*
What broke elsewhere, and the test that fails if it breaks here. Those without a file are below.

| what broke | where | what shows that it does not here |
| --- | --- | --- |
| a token with `may_act`, sent without `actor_token`, fell into plain exchange | keycloak 52691 | `delegation`: an exchange of a token that ... may act for; `workflow-in-process`: is made by nobody whom may_act does not name |
| introspection dropped `act` | keycloak 53029 | `delegation`: names every actor in the chain, and introspection returns all of them |
| the depth of `act` had no bound | tokendings 623 | `delegation`: stops at the fourth actor; with five actors, with a hundred actors |
| a certificate header was believed from any peer | keycloak 35861, CVE-2024-10039 | `possession`: is not had by a header ...; runtime `client-certificate`, `nginx-proxy` |
| `htu` was compared with the wrong address behind a proxy | keycloak 39332 | the address in a proof |
| `jti` was stored before the signature was checked | keycloak 49215 | an id that was taken |
| keys of the replay cache were not namespaced | keycloak 49215 | an id that was taken; runtime `single-use`: keeps purposes and issuers apart |
| another form of these keys opened a window during an upgrade | keycloak 50193 | `parallel-redemptions`: what was used before a restart |
| long-lived assertions filled the memory | keycloak 45241, CVE-2025-2559 | `possession`: good for more than five minutes, for a hundred years; what a token leaves behind |
| find, then insert: races | several servers | `parallel-redemptions`; `two-nodes` |
| a refresh within the same second was taken for theft | keycloak 51885 | a refresh; `parallel-redemptions`: all succeed |
| tables grew to 18 GB, and the janitor missed tokens of machines | hydra 1574, 3784 | what a token leaves behind; each room's `sweep`: codes, refresh-token, pushed-requests, authorization-code-flow, ask, logout, sessions, single-use |
| one query for each stored consent | hydra 1119 | consent store `grant-register`: reads rows in proportion to the answer and not to what has been kept |
| accepting a consent twice failed | hydra 2824 | a decision; `authorization-code-flow` |
| keys were used before they were published | hydra 2535 | `key-rotation`: publishes first, signs when every verifier can have the key |
| logout broke after a rotation | hydra 3719 | a hint; `logout`: signs with the key of the moment |
| a remote policy hook doubled the latency | hydra token_hook | `boundaries`: leave the fetching of what others name to the gateway: policies are evaluated in the process |
*/

let database: TestServer;
let world: AuthorizationWorld;
let sql: pg.Client;

beforeAll(async () => {
  database = await startTestServer();
  world = await openAuthorizationWorld(
    (issuer) => ({
      'desk-bound': {
        kind: 'human',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [redirectUri],
        scopes: ['openid', 'offline_access'],
        audiences: [`${issuer}/userinfo`],
        dpop_bound_refresh_tokens: true,
      },
    }),
    { database: database.connection },
  );
  const { user, password, host, port, database: name } = database.connection;
  sql = new pg.Client({ user, password, host, port, database: name });
  await sql.connect();
});
afterAll(async () => {
  await sql?.end();
  await world?.stop();
  await database?.stop();
});

const desk = () => world.party('desk-dpop');
const broker = () => world.firm('brk-orders');
const machine = (): Fields => [
  ['grant_type', 'client_credentials'],
  ['resource', `${world.issuer}/decisions`],
  ['scope', 'decision:evaluate'],
];

describe('the address in a proof', () => {
  const post = (htu: string, headers: Readonly<Record<string, string>>) =>
    send({
      method: 'POST',
      url: `${world.issuer}/token`,
      headers: { 'content-type': formType, dpop: broker().proof(htu), ...headers },
      body: encodeFields([...broker().authentication(), ...machine()]),
    });

  it.each<readonly [string, Readonly<Record<string, string>>]>([
    ['the Host header', { host: 'evil.example' }],
    ['X-Forwarded-Host', { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }],
    ['Forwarded', { forwarded: 'host=evil.example;proto=https' }],
    ['X-Original-URL', { 'x-original-url': '/other', 'x-rewrite-url': '/other' }],
  ])('is compared with the configured issuer, whatever %s says', async (_, headers) => {
    expectVerdict(await post(`${world.issuer}/token`, headers), 'accepted');
    for (const htu of ['https://evil.example/token', 'http://evil.example/token'])
      expectVerdict(await post(htu, headers), '400 invalid_dpop_proof proof_url');
  });
});

describe('a single-use id', () => {
  const presented = (client: RawClient, assertion: string, dpop?: string) =>
    client.postOnly(
      '/token',
      [['client_assertion_type', clientAssertionType], ['client_assertion', assertion], ...machine()],
      dpop === undefined ? {} : { dpop: [dpop] },
    );

  it('is not used up by a failed signature: the legitimate client can use it afterwards', async () => {
    const jti = randomUUID();
    const real = broker().assertion({ jti });
    const header = { alg: 'ES256', kid: broker().key.kid };
    const forged = signJwt(generateSigningKey(), header, claimsIn(real));
    for (let again = 0; again < 3; again++)
      expectVerdict(await presented(broker(), forged), '401 invalid_client client_assertion_signature');
    expectVerdict(await presented(broker(), real), 'accepted');

    const proof = broker().proof(`${world.issuer}/token`, { jti });
    const forgedProof = signJwt(
      generateSigningKey(),
      { alg: 'ES256', typ: 'dpop+jwt', jwk: broker().proofKey.publicJwk },
      claimsIn(proof),
    );
    expectVerdict(
      await presented(broker(), broker().assertion(), forgedProof),
      '400 invalid_dpop_proof proof_signature',
    );
    expectVerdict(await presented(broker(), broker().assertion(), proof), 'accepted');
  });

  it('is not used up by an assertion for another server, or an expired one', async () => {
    const jti = randomUUID();
    for (const claims of [{ aud: 'https://another.example' }, { exp: 1 }, { sub: 'another' }])
      expect((await presented(broker(), broker().assertion({ jti, ...claims }))).status).toBe(401);
    expectVerdict(await presented(broker(), broker().assertion({ jti })), 'accepted');
  });

  it('used by one client, for one purpose, is free for every other', async () => {
    const jti = randomUUID();
    const settling: Fields = [
      ['grant_type', 'client_credentials'],
      ['resource', `${world.issuer}/transactions`],
      ['scope', 'settlement:read'],
    ];
    // One id in the assertions of two clients, in the proofs of two keys, and in an assertion of a firm.
    expectVerdict(
      await presented(broker(), broker().assertion({ jti }), broker().proof(`${world.issuer}/token`, { jti })),
      'accepted',
    );
    const clearing = world.firm('clr-core');
    expectVerdict(
      await clearing.postOnly(
        '/token',
        [
          ['client_assertion_type', clientAssertionType],
          ['client_assertion', clearing.assertion({ jti })],
          ...settling,
        ],
        { dpop: [clearing.proof(`${world.issuer}/token`, { jti })] },
      ),
      'accepted',
    );
    const assertion = await world.trading.assertion({ claims: { jti } });
    await world.trading.traderToken(world.trading.order(world.mandate), assertion);
    // Each of them is accepted separately.
    expectVerdict(
      await presented(broker(), broker().assertion({ jti })),
      '401 invalid_client client_assertion_replayed',
    );
    expectVerdict(
      await presented(broker(), broker().assertion(), broker().proof(`${world.issuer}/token`, { jti })),
      '400 invalid_dpop_proof proof_replayed',
    );
  });

  it('does not collide with another by concatenated characters', async () => {
    const [first, second] = [`a:${randomUUID()}`, randomUUID()];
    for (const jti of [first, `${first} `, ` ${first}`, `${first}\u0000`, second, `${second}:`])
      expectVerdict(await presented(broker(), broker().assertion({ jti })), 'accepted');
  });
});

describe('a refresh', () => {
  it('repeated within the second is taken for a lost answer, and one with another key is refused when it is bound to one', async () => {
    const flow = world.flow(world.own('desk-bound'));
    const redeemed = await flow.redeem(await flow.allow([['scope', 'openid offline_access']]));
    const token = textIn(redeemed, 'refresh_token');
    const answers = await Promise.all([flow.refresh(token), flow.refresh(token), flow.refresh(token)]);
    expect(answers.map(verdictOf)).toEqual(['accepted', 'accepted', 'accepted']);
    const thief = generateSigningKey();
    const proof = signJwt(
      thief,
      { alg: 'ES256', typ: 'dpop+jwt', jwk: thief.publicJwk },
      { htm: 'POST', htu: `${world.issuer}/token`, jti: randomUUID(), iat: Math.floor(Date.now() / 1000) },
    );
    expectVerdict(await flow.refresh(token, [], { dpop: [proof] }), '400 invalid_grant refresh_token_key');
    const another = world.party('desk-signed');
    expectVerdict(
      await another.post('/token', [
        ['grant_type', 'refresh_token'],
        ['refresh_token', token],
      ]),
      '400 invalid_grant refresh_token_client',
    );
    expectVerdict(await flow.refresh(token), 'accepted');
  });
});

describe('the data left by a token', () => {
  const counts = async (): Promise<ReadonlyMap<string, number>> => {
    const { rows } = await sql.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const found = new Map<string, number>();
    for (const { name } of rows) {
      const { rows: counted } = await sql.query<{ count: number }>(`select count(*)::integer as count from ${name}`);
      found.set(name, counted[0]?.count ?? 0);
    }
    return found;
  };
  // Five times, as a lower bound: what the processes do by themselves meanwhile, such as creating the first time-stamping
  // certificate, they do once.
  const grown = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) =>
    [...after]
      .filter(([name, count]) => count >= (before.get(name) ?? 0) + 5)
      .map(([name]) => name)
      .sort();

  it('of a machine: its evidence, and the single-use ids, which expire; the same for a refusal', async () => {
    await broker().post('/token', machine());
    const before = await counts();
    for (let some = 0; some < 25; some++) expectVerdict(await broker().post('/token', machine()), 'accepted');
    for (let some = 0; some < 5; some++)
      expect((await broker().post('/token', [...machine(), ['audience', 'x']])).status).toBe(400);
    const tables = grown(before, await counts());
    expect(tables.filter((name) => !name.startsWith('audit_log.'))).toEqual(['authorization_server.single_use']);
    // Each of them ends by itself, within minutes: an assertion may not live longer (CVE-2025-2559).
    const { rows } = await sql.query<{ longest: number }>(
      'select extract(epoch from max(expires_at) - now())::integer as longest from authorization_server.single_use',
    );
    expect(rows[0]?.longest).toBeLessThan(600);
  });

  it('of an unknown client: nothing', async () => {
    const stranger = (id: string) =>
      send({
        method: 'POST',
        url: `${world.issuer}/token`,
        headers: { 'content-type': formType },
        body: encodeFields([...machine(), ['client_id', id]]),
      });
    const recorded = async () => {
      const { rows } = await sql.query<{ count: number }>(
        "select count(*)::integer as count from audit_log.entries where type !~ '^(source|clock|timestamp|key)\\.'",
      );
      return rows[0]?.count;
    };
    await stranger('nobody');
    const before = await counts();
    const recordedBefore = await recorded();
    for (let some = 0; some < 20; some++) expect((await stranger(`nobody-${some}`)).status).toBe(401);
    for (let some = 0; some < 20; some++)
      await send({ method: 'GET', url: `${world.issuer}/authorize?client_id=dashboard&request_uri=urn:x:${some}` });
    const headers = { authorization: `DPoP ${'x'.repeat(200)}`, dpop: 'x' };
    for (let some = 0; some < 20; some++) await send({ method: 'GET', url: `${world.issuer}/userinfo`, headers });
    expect(grown(before, await counts()).filter((name) => !name.startsWith('audit_log.'))).toEqual([]);
    // The log beats, measures its clock, is stamped and signs its size regardless of requests.
    expect(await recorded()).toBe(recordedBefore);
  });

  it('is in tables with an index on the expiry, so that they can be swept', async () => {
    const { rows } = await sql.query<{ table: string }>(
      `select c.table_name as table from information_schema.columns c
        where c.table_schema = 'authorization_server' and c.column_name in ('expires_at', 'removed_after')
          and not exists (select 1 from pg_indexes i
                           where i.schemaname = c.table_schema and i.tablename = c.table_name
                             and i.indexdef ~ ('\\(' || c.column_name))
          and not exists (select 1 from information_schema.columns o
                           where o.table_schema = c.table_schema and o.table_name = c.table_name
                             and o.column_name = 'removed_after' and c.column_name = 'expires_at')`,
    );
    expect(rows.map(({ table }) => table)).toEqual([]);
  });
});

describe('a decision', () => {
  it('that is sent twice is one: the same code, one consent, one record', async () => {
    const flow = world.flow(desk());
    const pkce = createPkce();
    const browser = personBrowser(world.issuer);
    const signIn = await browser.open(flow.urlOf(await flow.push(flow.request(pkce))));
    const consent = await browser.submit(formOf(signIn, 'sign-in'), { person: world.trading.firms.people.trader.id });
    const before = await world.recorded(desk(), 'consent.given', 'authorization.granted');
    const visits = await Promise.all([1, 2, 3].map(() => browser.submit(formOf(consent), { decision: 'allow' })));
    const codes = visits.map(({ leaves }) => leaves?.searchParams.get('code'));
    expect(codes[0]).toEqual(expect.any(String));
    expect(new Set(codes).size).toBe(1);
    expect(await world.recorded(desk(), 'consent.given', 'authorization.granted')).toBe(before + 2);
    // A change of mind comes too late: it was decided.
    const late = await browser.submit(formOf(consent), { decision: 'refuse' });
    expect(late.leaves?.searchParams.get('code')).toBe(codes[0]);
    expectVerdict(await flow.redeem({ ...pkce, code: String(codes[0]) }), 'accepted');
  });
});

describe('an ID token hint', () => {
  it('whose signing key is gone still signs out: the person is asked first', async () => {
    const flow = world.flow(desk());
    const pkce = createPkce();
    const browser = personBrowser(world.issuer);
    const answer = await browser.authorize(flow.urlOf(await flow.push(flow.request(pkce))), {
      person: world.trading.firms.people.trader.id,
    });
    const redeemed = await flow.redeem({ ...pkce, code: answer.searchParams.get('code') ?? '' });
    const hint = textIn(redeemed, 'id_token');
    const signer = world.controlPlane.components.signers['id-token'];
    await signer.withdraw('id-token', (await signer.current('id-token')).kid);
    const ended = async () => (await world.controlPlane.operator.records({ type: 'session.ended' })).length;
    const before = await ended();
    const query = new URLSearchParams({ id_token_hint: hint });
    const asked = await browser.open(`${world.issuer}/logout?${query.toString()}`);
    expect([asked.status, await ended()]).toEqual([200, before]);
    expect((await browser.submit(formOf(asked), { decision: 'end' })).status).toBe(200);
    expect(await ended()).toBe(before + 1);
    // From now on the successor signs, and its tokens count.
    const again = personBrowser(world.issuer);
    const second = createPkce();
    const back = await again.authorize(flow.urlOf(await flow.push(flow.request(second))), {
      person: world.trading.firms.people.trader.id,
    });
    const fresh = await flow.redeem({ ...second, code: back.searchParams.get('code') ?? '' });
    const fromNow = new URLSearchParams({ id_token_hint: textIn(fresh, 'id_token') });
    await again.open(`${world.issuer}/logout?${fromNow.toString()}`);
    expect(await ended()).toBe(before + 2);
  });
});

it('nothing of this failed with an internal error', () => {
  expect(faultsIn(world.logged())).toEqual([]);
});
