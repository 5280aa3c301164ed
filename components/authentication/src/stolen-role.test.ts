import { defined, digestOf } from '@countersign/kernel';
import { personOf, type WebBrowser } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyHolders, signInWithKey } from './testing/key-holders.ts';
import { broker } from './testing/people.ts';
import { createSignInWorld, type SignInNode, type SignInWorld } from './testing/sign-in-world.ts';

const office = { id: 'person:olga.office' };
const intent = digestOf({ order: 1 });
const tier = 'order-entry';

/** Everything below uses a connection with the role of this component and no other privileges. */
describe('with the database role of authentication, a thief', () => {
  let world: SignInWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  let node: SignInNode;
  let thief: pg.Pool;
  let browser: WebBrowser;
  let person: ReturnType<typeof personOf>;
  let key: SoftwareAuthenticator;
  let number = 0;

  beforeAll(async () => {
    world = await createSignInWorld();
    holders = await createKeyHolders();
    thief = world.database.pool('authentication');
    node = world.node({ methods: ['webauthn'], authenticators: { rootsFile: holders.rootsFile } }, world.directory);
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });
  beforeEach(async () => {
    number += 1;
    person = personOf(`t${number}`, broker, 'trader');
    world.directory.add(person);
    key = await holders.keyOf(node, person);
    browser = node.browser();
  });

  const current = (intents?: readonly (typeof intent)[]) =>
    node.authentication.current(browser.cookieHeader(), { tier, ...defined({ intents }) });
  const keysOf = (id = person.id) => node.authentication.authenticators.of(id);
  const contradictions = () => world.audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

  it.each([
    ['a stronger class', "update sessions set acr = 'phrh', amr = '{hwk}' where person = $1"],
    ['a later sign-in', "update sessions set auth_time = auth_time + interval '1 minute' where person = $1"],
    [
      'ten years',
      "update sessions set absolute_end_at = now() + interval '10 years', expires_at = now() + interval '10 years' where person = $1",
    ],
    ['a tier for approvals', "update sessions set tier = 'approval' where person = $1"],
    ['another device', "update sessions set device = 'device:own' where person = $1"],
    ['no key behind it', 'update sessions set authenticator = null where person = $1'],
  ])('cannot give a session %s: it then grants nothing, and the difference is recorded', async (_, sql) => {
    await signInWithKey(node, browser, key, { tier });
    const session = await current();
    expect(session).toBeDefined();
    // Values dated in the future count for nothing anyway.
    world.clock.advance(60_000);
    await thief.query(sql, [person.id]);
    for (const opens of ['order-entry', 'approval', 'market-data'] as const)
      expect(await node.authentication.current(browser.cookieHeader(), { tier: opens })).toBeUndefined();
    expect(session && (await node.authentication.session(session.session))).toBeUndefined();
    expect(contradictions()).toContain(`session:${session?.session}`);
  });

  it('cannot open another person’s session with their own cookie, nor create one', async () => {
    const own = personOf(`thief${number}`, broker, 'trader');
    world.directory.add(own);
    await holders.keyOf(node, own).then((theirs) => signInWithKey(node, browser, theirs, { tier }));
    const victim = node.browser();
    await signInWithKey(node, victim, key, { tier });
    await thief.query(
      'update sessions set person = $1, authenticator = (select id from authenticators where person = $1) where person = $2',
      [person.id, own.id],
    );
    expect(await current()).toBeUndefined();
    // The hash of the thief's own cookie in the row of the victim.
    await thief.query(
      `with mine as (delete from sessions where person = $1 and secret_hash <> (select max(secret_hash) from sessions where person = $1)
                      returning secret_hash)
       update sessions set secret_hash = mine.secret_hash from mine where person = $1`,
      [person.id],
    );
    expect(await current()).toBeUndefined();
    expect(await node.authentication.current(victim.cookieHeader(), { tier })).toBeUndefined();
  });

  it('cannot restore a session that has ended', async () => {
    await signInWithKey(node, browser, key, { tier });
    const session = await current();
    if (session === undefined) throw new Error('no session');
    const { rows } = await thief.query('select expires_at from sessions where id = $1', [session.session]);
    await node.authentication.end(session.session, 'signed_out');
    await thief.query('update sessions set ended_at = null, expires_at = $2 where id = $1', [
      session.session,
      rows[0]?.expires_at,
    ]);
    expect(await current()).toBeUndefined();
  });

  it('cannot forge a step-up, nor move one to another intent', async () => {
    await signInWithKey(node, browser, key, { tier });
    const session = await current();
    await thief.query(
      `insert into step_ups (session, intents, acr, amr, auth_time, authenticator, expires_at)
       select id, $2, acr, amr, auth_time, authenticator, now() + interval '1 hour' from sessions where id = $1`,
      [session?.session, [intent]],
    );
    await thief.query("update step_ups set expires_at = to_timestamp($1 / 1000.0) + interval '1 hour'", [
      world.clock.now(),
    ]);
    expect((await current([intent]))?.boundTo).toBeUndefined();
    await signInWithKey(node, browser, key, { tier, intents: [intent] });
    expect((await current([intent]))?.boundTo).toEqual([intent]);
    const other = digestOf({ order: 2 });
    await thief.query('update step_ups set intents = $1', [[other]]);
    expect((await current([other]))?.boundTo).toBeUndefined();
  });

  it('cannot enrol a key by a row with an invented record: it signs nobody in and signs no statement', async () => {
    const stolen = holders.another(node);
    const own = personOf(`thief${number}`, broker, 'trader');
    world.directory.add(own);
    const theirs = await holders.keyOf(node, own);
    // The thief's real key under the name of the victim.
    await thief.query(
      `insert into authenticators select 'auth_00000000000000000000000${number % 10}' || right(id, 2), $2, name, credential_id || '\\x00',
         kid || '_', jwk, acr, aaguid, model, attestation_format, attestation, backup_eligible, transports, 0, record_id, invited_by, registered_at
         from authenticators where person = $1`,
      [own.id, person.id],
    );
    expect((await keysOf()).map(({ name }) => name)).toEqual(['key']);
    await thief.query(`update authenticator_people set user_handle = '\\x01' where person = $1`, [person.id]);
    await thief.query('update authenticators set person = $1 where person = $2', [person.id, own.id]);
    await expect(signInWithKey(node, browser, theirs, { tier })).resolves.not.toMatchObject({ statusCode: 303 });
    expect(await current()).toBeUndefined();
    expect(stolen).toBeDefined();
  });

  it('cannot restore a removed key, nor unlock an account by deleting the row', async () => {
    const [first] = await keysOf();
    if (first === undefined) throw new Error('no key');
    await node.authentication.authenticators.revoke(first.id, office, 'stolen');
    await thief.query('update authenticators set removed_at = null where id = $1', [first.id]);
    expect(await keysOf()).toEqual([]);
    await signInWithKey(node, browser, key, { tier }).catch(() => undefined);
    expect(await current()).toBeUndefined();

    const other = personOf(`l${number}`, broker, 'trader');
    world.directory.add(other);
    const held = await holders.keyOf(node, other);
    await signInWithKey(node, browser, held, { tier });
    await node.authentication.authenticators.lock(other.id, office, 'left the desk');
    await thief.query('delete from account_locks where person = $1', [other.id]);
    await thief.query('update sessions set ended_at = null, expires_at = absolute_end_at where person = $1', [
      other.id,
    ]);
    expect(await node.authentication.authenticators.isLocked(other.id)).toBe(true);
    expect(await current()).toBeUndefined();
    await signInWithKey(node, browser, held, { tier }).catch(() => undefined);
    expect(await current()).toBeUndefined();
  });

  it('cannot invite, neither by a row nor by deleting the keys that prevent it', async () => {
    const link = Buffer.alloc(32, number).toString('base64url');
    const newcomer = personOf(`n${number}`, broker, 'trader');
    world.directory.add(newcomer);
    await node.authentication.authenticators.invite({ person: newcomer.id, evidence: ['file 1'] }, office);
    const { createHash } = await import('node:crypto');
    await thief.query(`update authenticator_invitations set secret_hash = $2 where person = $1`, [
      newcomer.id,
      createHash('sha256').update(link).digest(),
    ]);
    expect(await node.authentication.authenticators.invitationOf(link)).toBeUndefined();
    await thief.query('delete from authenticators where person = $1', [person.id]);
    await expect(
      node.authentication.authenticators.invite({ person: person.id, evidence: ['file 2'] }, office),
    ).rejects.toMatchObject({ code: 'recovery_needed' });
    expect(await node.authentication.authenticators.invitersOf(newcomer.id)).toEqual([office.id]);
  });

  it('cannot have a key registered, or another statement accepted, by writing the challenge', async () => {
    const { authenticators } = node.authentication;
    const iat = Math.floor(world.clock.now() / 1000);
    const claims = { typ: 'countersign-test+webauthn', iss: person.id, iat, exp: iat + 300, jti: 'one', recovery: 'A' };
    const asked = await authenticators.ask({ person: person.id, claims });
    await thief.query(
      `update authenticator_challenges set about = (jsonb_set(about::jsonb, '{claims,recovery}', '"B"'))::json where person = $1`,
      [person.id],
    );
    await expect(
      authenticators.consume({ handle: asked.handle, person: person.id, credential: key.get(asked.options) }),
    ).rejects.toMatchObject({ code: 'challenge_unknown' });

    const again = await authenticators.ask({ person: person.id, claims: { ...claims, jti: 'two' } });
    const [own] = await keysOf();
    await thief.query(`update authenticator_challenges set kind = 'registration', about = $2 where person = $1`, [
      person.id,
      JSON.stringify({ by: 'authenticator', authenticator: own?.id, recordId: own?.recordId }),
    ]);
    await expect(
      authenticators.register({ handle: again.handle, person: person.id, credential: '{}', name: 'mine' }),
    ).rejects.toMatchObject({ code: 'challenge_unknown' });
  });
});
