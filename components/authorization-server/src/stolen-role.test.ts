import { createHash } from 'node:crypto';
import type { ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase, type WebBrowser } from '@countersign/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CibaWorld,
  createCibaWorld,
  notificationToken,
  pingEndpoint,
} from './backchannel-authentication/testing/ciba-world.ts';
import { authorizationServerMigrations } from './migrations.ts';
import { clientOf, createRig, machine, type Rig } from './registration/testing/rig.ts';
import { type CodeFlowWorld, createCodeFlowWorld, requestUriPrefix } from './testing/code-flow-world.ts';
import { createConsents } from './testing/consents.ts';
import { createHarness, refusalOf } from './testing/harness.ts';
import { answerOf, pageCode } from './testing/page-answers.ts';
import { brokerBook, venueReports } from './testing/trading-world.ts';

/** Changes one row as an attacker would, examines the effect, and restores the row. */
async function whileChanged(
  thief: pg.Pool,
  { table, change, where }: { readonly table: string; readonly change: string; readonly where?: string },
  look: () => Promise<unknown>,
): Promise<void> {
  const [column = ''] = change.split(' = ');
  const { rows } = await thief.query(`select ${column} as before from ${table} where ${where ?? 'true'}`);
  expect(rows, table).toHaveLength(1);
  await thief.query(`update ${table} set ${change} where ${where ?? 'true'}`);
  await look();
  await thief.query(`update ${table} set ${column} = $1 where ${where ?? 'true'}`, [rows[0]?.before]);
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** All changes below use a connection with the role of this component and no other privileges. */
describe('with the database role of the authorization server, a thief', () => {
  let database: ScratchDatabase;
  let thief: pg.Pool;
  let seed = 0;
  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations] });
    thief = database.pool('authorization-server');
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    for (const table of ['authorization_codes', 'refresh_tokens', 'opaque_tokens'])
      await thief.query(`delete from ${table}`);
  });

  function start() {
    seed += 1;
    const harness = createHarness({ pool: thief, seed: `stolen role ${seed}` });
    return { ...harness, ...createConsents(harness, thief) };
  }

  it('creates no code, and none with another person, client, scope, class or time', async () => {
    const { server, give, codeFor, redeem } = start();
    const grant = await give();
    const other = await give({ scopes: ['order:cancel', 'offline_access'] });
    const code = await codeFor(grant);
    const unknown = { code: 'invalid_grant', reason: 'code_unknown' };
    for (const change of [
      `grant_id = '${other.id}'`,
      `client = 'order-desk'`,
      `redirect_uri = 'https://evil.example/cb'`,
      `code_challenge = '${sha256('mine').toString('base64url')}'`,
      `dpop_jkt = null`,
      `scopes = array_append(scopes, 'order:create')`,
      `acr = 'phrh'`,
      `amr = '{hwk}'`,
      `auth_time = auth_time + 3600`,
      `bound_to = '{}'`,
      `device = 'device:own'`,
      `session = null`,
      `expires_at = expires_at + interval '1 hour'`,
      `seal = null`,
      `seal = sha256(seal)`,
    ])
      await whileChanged(thief, { table: 'authorization_codes', change }, async () =>
        expect(await refusalOf(server.token(redeem(code))), change).toMatchObject(unknown),
      );
    // The hash of the attacker's own code, with everything else of a real row.
    const own = 'A'.repeat(43);
    await thief.query(
      `insert into authorization_codes select $1, grant_id, client, redirect_uri, code_challenge, dpop_jkt, nonce, session, resource,
         scopes, acr, amr, auth_time, expires_at, redeemed_at, bound_to, device, seal from authorization_codes`,
      [sha256(own)],
    );
    expect(await refusalOf(server.token(redeem(own)))).toMatchObject(unknown);
    expect(await refusalOf(server.token(redeem(code)))).toEqual({ code: 'released' });
  });

  it('cannot restore a redeemed code: it is known as used, and its replay ends what was issued for it', async () => {
    const { server, give, codeFor, redeem, revocations } = start();
    const grant = await give();
    const code = await codeFor(grant);
    await server.token(redeem(code));
    await thief.query('update authorization_codes set redeemed_at = null');
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({ reason: 'code_replayed' });
    expect(revocations.ended).toContainEqual({ kind: 'grant', id: grant.id });
  });

  it('creates no refresh token, and widens none', async () => {
    const { server, give, codeFor, redeem, refresh } = start();
    const grant = await give();
    const other = await give({ scopes: ['order:cancel', 'offline_access'] });
    const { refresh_token: token } = await server.token(redeem(await codeFor(grant)));
    const unknown = { code: 'invalid_grant', reason: 'refresh_token_unknown' };
    for (const change of [
      `grant_id = '${other.id}'`,
      `grant_version = grant_version + 1`,
      `client = 'order-desk'`,
      `jkt = null`,
      `scopes = '{order:create}'`,
      `resource = '${brokerBook}'`,
      `acr = 'phrh'`,
      `auth_time = auth_time + 3600`,
      `expires_at = expires_at + interval '10 years'`,
      `seal = null`,
    ])
      await whileChanged(thief, { table: 'refresh_tokens', change }, async () =>
        expect(await refusalOf(server.token(refresh(token))), change).toMatchObject(unknown),
      );
    const own = `csr_${'A'.repeat(43)}`;
    await thief.query(
      `insert into refresh_tokens select $1, grant_id, grant_version, client, jkt, scopes, resource, session, acr, amr, auth_time,
         expires_at, seal from refresh_tokens`,
      [sha256(own)],
    );
    expect(await refusalOf(server.token(refresh(own)))).toMatchObject(unknown);
    expect(await refusalOf(server.token(refresh(token)))).toEqual({ code: 'released' });
  });

  it('cannot point a reference token to another access token', async () => {
    const harness = start();
    const { server, world, clientCredentials, exchange } = harness;
    const { client, resource } = {
      client: world.directory.snapshot().client('vwap-engine'),
      resource: world.directory.snapshot().resource(venueReports),
    };
    if (client === undefined || resource === undefined) throw new Error('not in the world');
    const scopes = ['trade:read', 'report:read'] as const;
    world.changeClient('vwap-engine', { audiences: [...client.audiences, resource.uri], scopes });
    world.changeClient('venue-gateway', { scopes });
    const opaque = () => clientCredentials({ scope: 'report:read', resource: venueReports });
    const [one, other] = [await server.token(opaque()), await server.token(opaque())];
    const redeemable = { reason: 'scope_missing' };
    expect(await refusalOf(server.token(exchange(one.access_token)))).toMatchObject(redeemable);
    await thief.query(
      'update opaque_tokens set access_token = (select access_token from opaque_tokens where token_hash = $1)',
      [sha256(other.access_token)],
    );
    expect(await refusalOf(server.token(exchange(one.access_token)))).toMatchObject({
      reason: 'subject_token_unknown',
    });
    expect(await refusalOf(server.token(exchange(other.access_token)))).toMatchObject(redeemable);
  });
});

describe('with the database role of the authorization server, in the code flow, a thief', () => {
  let world: CodeFlowWorld;
  let thief: pg.Pool;
  let browser: WebBrowser;
  beforeAll(async () => {
    world = await createCodeFlowWorld();
    thief = world.database.pool('authorization-server');
  });
  afterAll(() => world.close());
  beforeEach(() => {
    browser = world.browser();
  });
  const url = (uri: string) => world.authorizeUrl('trading-desk', uri);
  const ofUri = (uri: string) => `uri_hash = '\\x${sha256(uri.slice(requestUriPrefix.length)).toString('hex')}'`;
  const allow = (page: { readonly body: string }) =>
    browser.post('/authorize/decision', world.consentForm(page.body, 'allow'));

  it('creates no pushed request, and changes none to another client, redirect URI, scope or time', async () => {
    const uri = await world.pushed();
    for (const change of [
      `client = 'order-desk'`,
      `parameters = jsonb_set(parameters, '{redirect_uri}', '"https://evil.example/cb"')`,
      `parameters = jsonb_set(parameters, '{scope}', '"openid order:read"')`,
      `parameters = jsonb_set(parameters, '{code_challenge}', '"${sha256('mine').toString('base64url')}"')`,
      `record_id = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3'`,
      `expires_at = expires_at + interval '1 hour'`,
      `seal = null`,
    ])
      await whileChanged(thief, { table: 'pushed_requests', change, where: ofUri(uri) }, async () =>
        expect(pageCode((await world.browser().get(url(uri))).body), change).toBe('request_uri_unknown'),
      );
    const own = `${requestUriPrefix}${'A'.repeat(43)}`;
    await thief.query(
      `insert into pushed_requests select $1, client, parameters, record_id, expires_at, null, removed_after, seal
         from pushed_requests where ${ofUri(uri)}`,
      [sha256('A'.repeat(43))],
    );
    expect(pageCode((await world.browser().get(url(own))).body)).toBe('request_uri_unknown');
    expect((await world.toConsent(url(uri), browser)).statusCode).toBe(200);
  });

  it('cannot use a request URI for a second code', async () => {
    const uri = await world.pushed();
    expect(answerOf(await allow(await world.toConsent(url(uri), browser)))).toHaveProperty('code');
    await thief.query(`update pushed_requests set consumed_at = null where ${ofUri(uri)}`);
    expect(pageCode((await world.browser().get(url(uri))).body)).toBe('request_uri_used');
  });

  it('changes nothing of the page a person sees, and cannot report a false outcome to a client', async () => {
    await thief.query('delete from interactions');
    const page = await world.toConsent(url(await world.pushed()), browser);
    for (const change of [
      `client = 'order-desk'`,
      `parameters = jsonb_set(parameters, '{scope}', '"openid order:create order:read"')`,
      `parameters = jsonb_set(parameters, '{redirect_uri}', '"https://evil.example/cb"')`,
      `request_record = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3'`,
      `started_at = started_at - interval '1 day'`,
      `expires_at = expires_at + interval '1 day'`,
      `outcome = 'allowed'`,
      `outcome = 'refused'`,
      `seal = null`,
    ])
      await whileChanged(thief, { table: 'interactions', change }, async () =>
        expect(pageCode((await allow(page)).body), change).toBe('interaction_unknown'),
      );
    // An attacker's own browser cannot take over an interaction.
    const { rows } = await thief.query('select id_hash from interactions');
    const own = world.browser();
    await own.get(url(await world.pushed()));
    await thief.query(
      `update interactions set browser_hash = (select browser_hash from interactions where id_hash <> $1) where id_hash = $1`,
      [rows[0]?.id_hash],
    );
    const taken = await own.post('/authorize/decision', world.consentForm(page.body, 'allow'));
    expect(pageCode(taken.body)).toBe('interaction_unknown');
    expect(pageCode((await allow(page)).body)).toBe('interaction_unknown');
  });
});

describe('with the database role of the authorization server, in backchannel authentication, a thief', () => {
  let world: CibaWorld;
  let thief: pg.Pool;
  beforeAll(async () => {
    world = await createCibaWorld();
    thief = world.database.pool('authorization-server');
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    await thief.query('delete from backchannel_requests');
  });
  const unknown = { code: 'invalid_grant', reason: 'auth_req_id_unknown' };

  it('allows nothing on behalf of the person, nor with a consent given for another purpose', async () => {
    const before = (await world.ask()).auth_req_id;
    await world.decide(before, 'allow');
    const grant = world.grantOf(before);
    await thief.query('delete from backchannel_requests');
    const { auth_req_id: id } = await world.ask();
    await thief.query(`update backchannel_requests set outcome = 'allowed', grant_id = $1, decided_at = requested_at`, [
      grant,
    ]);
    expect(await refusalOf(world.redeem(id))).toMatchObject(unknown);
  });

  it('changes nothing of a request or an approval', async () => {
    const { auth_req_id: id } = await world.ask();
    await world.decide(id, 'allow');
    for (const change of [
      `person = 'person:carl.otto'`,
      `scopes = array_append(scopes, 'order:create')`,
      `resource = '${brokerBook}'`,
      `binding_message = 'other'`,
      `jkt = '${sha256('mine').toString('base64url')}'`,
      `record_id = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3'`,
      `expires_at = expires_at + interval '1 day'`,
      `grant_id = 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3'`,
      `seal = null`,
    ])
      await whileChanged(thief, { table: 'backchannel_requests', change }, async () =>
        expect(await refusalOf(world.redeem(id)), change).toMatchObject(unknown),
      );
    expect(await refusalOf(world.redeem(id))).toEqual({ code: 'released' });
  });

  it('shows no forged or altered request to a person', async () => {
    const { auth_req_id: id } = await world.ask();
    await thief.query(`update backchannel_requests set binding_message = 'pay the thief'`);
    const page = await world.openSignedIn(world.browser(), world.pathOf(id));
    expect(page.body).not.toContain('pay the thief');
    expect(pageCode(page.body)).toBe('approval_unknown');
    const list = await world.openSignedIn(world.browser(), '/approvals');
    expect(list.body).not.toContain('pay the thief');
  });

  it('cannot have an auth_req_id redeemed twice', async () => {
    const { auth_req_id: id } = await world.ask();
    await world.decide(id, 'allow');
    await world.redeem(id);
    await thief.query('update backchannel_requests set redeemed_at = null');
    expect(await refusalOf(world.redeem(id))).toMatchObject({ reason: 'auth_req_id_redeemed' });
  });

  it('cannot have another client notified of an auth_req_id', async () => {
    for (const client of ['trading-desk', 'order-desk'])
      world.world.changeClient(client, {
        backchannelDelivery: { mode: 'ping', endpoint: `${pingEndpoint}/${client}` },
      });
    const request = world.signed(world.plain({ client_notification_token: notificationToken }));
    const { auth_req_id: id } = await world.ask({ request });
    await world.decide(id, 'allow');
    await world.backchannel.ping();
    const sent = world.pings.length;
    const { auth_req_id: next } = await world.ask({
      request: world.signed(world.plain({ client_notification_token: notificationToken })),
    });
    await thief.query(
      `update backchannel_requests set client = 'order-desk', ping_at = requested_at where redeemed_at is null`,
    );
    await world.backchannel.ping();
    expect(world.pings.slice(sent).filter(({ url }) => url.endsWith('order-desk'))).toEqual([]);
    expect(next).toBeDefined();
    world.world.changeClient('trading-desk', { backchannelDelivery: { mode: 'poll' } });
  });
});

describe('with the database role of the authorization server, among registered clients, a thief', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await createRig();
  });
  afterAll(() => rig.close());
  beforeEach(async () => {
    for (const id of rig.directory.documents.keys()) rig.directory.remove(id);
    await rig.pool.query('delete from client_registrations');
  });
  const refused = { error: 'invalid_token', reason: 'token_invalid' };

  it('manages no client, neither with the hash of their own token nor with a replaced token', async () => {
    const app = rig.node();
    const client = clientOf(await rig.register(app, machine()));
    const own = { ...client, registration_access_token: `csreg_${'A'.repeat(43)}` };
    await whileChanged(
      rig.pool,
      {
        table: 'client_registrations',
        change: `token_hash = '\\x${sha256(own.registration_access_token).toString('hex')}'`,
      },
      async () => expect((await rig.manage(app, 'GET', own)).json()).toMatchObject(refused),
    );
    for (const change of [`institution = 'ANOTHER0000000000042'`, `principal = 'service:other'`, `seal = null`])
      await whileChanged(rig.pool, { table: 'client_registrations', change }, async () =>
        expect((await rig.manage(app, 'GET', client)).json(), change).toMatchObject(refused),
      );
    const { rows } = await rig.pool.query('select token_hash, directory_version, seal from client_registrations');
    const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...metadata } = client;
    const updated = clientOf(await rig.manage(app, 'PUT', client, metadata));
    await rig.pool.query('update client_registrations set token_hash = $1, directory_version = $2, seal = $3', [
      ...[rows[0]?.token_hash, rows[0]?.directory_version, rows[0]?.seal],
    ]);
    expect((await rig.manage(app, 'PUT', client, metadata)).json()).toMatchObject(refused);
    expect(updated.client_id).toBe(client.client_id);
  });

  it('cannot have a client rolled back by a registration that never started', async () => {
    const app = rig.node();
    const victim = clientOf(await rig.register(app, machine()));
    await rig.pool.query(
      `update client_registrations set directory_version = null, issued_at = issued_at - interval '1 hour' where client_id = $1`,
      [victim.client_id],
    );
    await rig.register(app, machine());
    expect(rig.directory.documents.has(victim.client_id)).toBe(true);
  });
});
