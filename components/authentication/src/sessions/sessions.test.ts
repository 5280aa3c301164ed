import type { WebBrowser } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anna, ben, broker } from '../testing/people.ts';
import {
  begin,
  createSignInWorld,
  formOf,
  type SignInNode,
  type SignInWorld,
  signIn,
} from '../testing/sign-in-world.ts';

const minute = 60_000;
const hour = 60 * minute;

describe('sessions', () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: WebBrowser;
  const current = (on = node) => on.authentication.current(browser.cookieHeader());
  const signedIn = async () => {
    const found = await current();
    if (found === undefined) throw new Error('nobody is signed in');
    return found;
  };

  beforeEach(async () => {
    world = await createSignInWorld();
    node = world.node();
    browser = node.browser();
    await signIn(node, browser, anna);
  });
  afterEach(() => world.close());

  it('are valid on every node of the database', async () => {
    expect(await current(world.node())).toEqual(await signedIn());
  });

  it('end after thirty minutes without use', async () => {
    const { session } = await signedIn();
    world.clock.advance(30 * minute - 1);
    expect(await node.authentication.session(session)).toMatchObject({ person: anna.id });
    world.clock.advance(1);
    expect(await current()).toBeUndefined();
    expect(await node.authentication.session(session)).toBeUndefined();
  });

  it('continue while they are used, and still end twelve hours after the sign-in', async () => {
    const { authTime } = await signedIn();
    for (let used = 0; used < 28; used++) {
      world.clock.advance(25 * minute);
      expect(await current()).toMatchObject({ person: anna.id, authTime });
    }
    world.clock.advance(12 * hour - 28 * 25 * minute - 1);
    expect(await current()).toBeDefined();
    world.clock.advance(1);
    expect(await current()).toBeUndefined();
  });

  it('are not extended when others check them', async () => {
    const { session } = await signedIn();
    for (let asked = 0; asked < 3; asked++) {
      world.clock.advance(10 * minute);
      await node.authentication.session(session);
    }
    expect(await current()).toBeUndefined();
  });

  it('started or used while the clock was ahead are invalid once it is set back, until the next sign-in', async () => {
    const { session } = await signedIn();
    world.clock.advance(20 * minute);
    await current();
    world.clock.advance(-20 * minute);
    expect(await current()).toBeUndefined();
    expect(await node.authentication.session(session)).toBeUndefined();
    await signIn(node, browser, anna);
    expect(await signedIn()).toMatchObject({ session, authTime: Math.floor(world.clock.now() / 1000) });
    // Clock differences between nodes are tolerated.
    world.clock.advance(-30_000);
    expect(await current()).toBeDefined();
  });

  it('follow the configured limits', async () => {
    const strict = world.node({ tiers: { research: { idleSeconds: 60, absoluteSeconds: 90 } } });
    browser = strict.browser();
    await signIn(strict, browser, anna);
    world.clock.advance(59_000);
    expect(await current(strict)).toBeDefined();
    world.clock.advance(30_999);
    expect(await current(strict)).toBeDefined();
    world.clock.advance(1);
    expect(await current(strict)).toBeUndefined();
  });

  it('end with the person, and do not return with them', async () => {
    const { session } = await signedIn();
    world.directory.remove(anna.id);
    expect(await current()).toBeUndefined();
    expect(world.audit.records.at(-1)).toMatchObject({
      type: 'session.ended',
      outcome: 'done',
      subject: { id: anna.id },
      data: { session, reason: 'person_unknown' },
    });
    world.directory.add(anna);
    expect(await current()).toBeUndefined();
    expect(await node.authentication.session(session)).toBeUndefined();
  });

  it('continue when the LEI of the institution has lapsed, and end when it is retired', async () => {
    const { session } = await signedIn();
    world.directory.setLeiStatus(broker, 'LAPSED');
    expect(await node.authentication.session(session)).toMatchObject({ session });
    world.directory.setLeiStatus(broker, 'RETIRED');
    expect(await node.authentication.session(session)).toBeUndefined();
    expect(world.audit.records.at(-1)).toMatchObject({ data: { session, reason: 'institution_not_issued' } });
    world.directory.setLeiStatus(broker, 'ISSUED');
    expect(await current()).toBeUndefined();
  });

  it('end with the person at the next sweep, once on all nodes, even without a browser request', async () => {
    const { session } = await signedIn();
    const phone = node.browser();
    await signIn(node, phone, anna);
    await signIn(node, node.browser(), ben);
    world.directory.remove(anna.id);
    const other = world.node();
    await Promise.all([node.authentication.sweep(), other.authentication.sweep()]);
    const ended = world.audit.ofType('session.ended');
    expect(ended.map(({ subject }) => subject?.id)).toEqual([anna.id, anna.id]);
    expect(ended.map(({ data }) => data)).toContainEqual({ session, reason: 'person_unknown' });
    await node.authentication.sweep();
    expect(world.audit.ofType('session.ended')).toHaveLength(2);
  });

  it('are not ended by the sweep of a node whose directory is older than the sign-in', async () => {
    const late = world.node({}, world.directory.behind());
    world.directory.remove(ben.id);
    const dora = { ...anna, id: ben.id };
    world.directory.add(dora);
    await signIn(node, browser, dora);
    await late.authentication.sweep().catch(() => undefined);
    expect(await current()).toMatchObject({ person: dora.id });
  });

  it('of a person who has left are refused even while the log cannot be written', async () => {
    world.directory.remove(anna.id);
    world.audit.breakDown('writing');
    expect(await current()).toBeUndefined();
    world.audit.repair();
    expect(await current()).toBeUndefined();
    expect(world.audit.ofType('session.ended')).toHaveLength(1);
  });

  it('are not ended by a node whose directory is older than the sign-in', async () => {
    const view = world.directory.behind();
    const late = world.node({}, view);
    const dora = { ...anna, id: ben.id };
    world.directory.remove(ben.id);
    world.directory.add(dora);
    await signIn(node, browser, dora);
    await expect(current(late)).rejects.toMatchObject({ code: 'directory_behind' });
    view.follow();
    expect(await current(late)).toMatchObject({ person: dora.id });
    expect(world.audit.ofType('session.ended').map(({ data }) => data)).toEqual([
      expect.objectContaining({ reason: 'another_person_signed_in' }),
    ]);
  });

  it('end once with one record, however many requests end them', async () => {
    const { session } = await signedIn();
    const other = world.node();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 ? node : other).authentication.end(session, 'logged_out')),
    );
    await node.authentication.end(session, 'again');
    expect(await current()).toBeUndefined();
    expect(world.audit.ofType('session.ended').map(({ data }) => data)).toEqual([{ session, reason: 'logged_out' }]);
  });

  it('stay valid while their end cannot be recorded', async () => {
    const { session } = await signedIn();
    world.audit.breakDown('writing');
    await expect(node.authentication.end(session, 'logged_out')).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(await current()).toMatchObject({ session });
    world.audit.repair();
    await node.authentication.end(session, 'logged_out');
    expect(await current()).toBeUndefined();
  });

  it('continue under a new secret when the same person signs in again', async () => {
    const first = await signedIn();
    const oldCookies = browser.cookieHeader();
    world.clock.advance(5 * minute);
    await signIn(node, browser, anna);
    const second = await signedIn();
    expect(second).toMatchObject({ session: first.session, authTime: first.authTime + 300 });
    expect(await node.authentication.current(oldCookies)).toBeUndefined();
    expect(world.audit.records.at(-1)).toMatchObject({ type: 'session.started', data: { goes_on: true } });
    world.clock.advance(12 * hour - 1);
    expect(await node.authentication.session(first.session)).toBeUndefined();
  });

  it('of one person end when another signs in on the same browser', async () => {
    const first = await signedIn();
    await signIn(node, browser, ben);
    const second = await signedIn();
    expect(second.person).toBe(ben.id);
    expect(second.session).not.toBe(first.session);
    expect(await node.authentication.session(first.session)).toBeUndefined();
    expect(world.audit.records.slice(-2)).toMatchObject([
      { type: 'session.ended', subject: { id: anna.id }, data: { reason: 'another_person_signed_in' } },
      { type: 'session.started', subject: { id: ben.id }, data: { goes_on: false } },
    ]);
  });

  it('never start under a secret that was already in the browser', async () => {
    const planted = 'P'.repeat(43);
    const victim = node.browser();
    victim.cookies.set('countersign-session', planted);
    await signIn(node, victim, ben);
    expect(victim.cookies.get('countersign-session')).not.toBe(planted);
    expect(await node.authentication.current(`countersign-session=${planted}`)).toBeUndefined();
    expect(await node.authentication.current(victim.cookieHeader())).toMatchObject({ person: ben.id });
  });

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['another name', (secret: string) => `session=${secret}`],
    ['a longer secret', (secret: string) => `countersign-session=${secret}A`],
    ['a shorter secret', (secret: string) => `countersign-session=${secret.slice(1)}`],
    ['two secrets', (secret: string) => `countersign-session=${secret}; countersign-session=${'A'.repeat(43)}`],
    ['an endless header', (secret: string) => `countersign-session=${secret}; x=${'x'.repeat(9_000)}`],
    [
      'an encoded secret',
      (secret: string) => `countersign-session=%${secret.charCodeAt(0).toString(16)}${secret.slice(1)}`,
    ],
  ])('are not found with %s as the cookie', async (_what, cookie) => {
    const secret = browser.cookies.get('countersign-session') ?? '';
    const header = typeof cookie === 'function' ? cookie(secret) : cookie;
    expect(await node.authentication.current(header)).toBeUndefined();
    expect(await node.authentication.current(`a=b; countersign-session=${secret}`)).toBeDefined();
  });

  it('are deleted together with expired sign-ins, in slices, and no others', async () => {
    const pool = world.database.pool('authentication');
    const over = world.clock.now() - 61_000;
    await pool.query(
      `insert into sign_ins (handle_hash, return_to, continues_to, client_name, acr_values, expires_at)
       select sha256(n::text::bytea), '/', '{}', 'x', '{}', to_timestamp($1::float8 / 1000) from generate_series(1, 2500) n`,
      [over],
    );
    await pool.query(
      `insert into sessions (id, secret_hash, person, acr, amr, auth_time, directory_version, created_at, last_seen_at,
                             absolute_end_at, tier, expires_at)
       select 'old' || n, sha256(n::text::bytea), 'person:old', 'x', '{}', now(), 1, now(), now(), now(), 'research',
              to_timestamp($1::float8 / 1000) from generate_series(1, 1500) n`,
      [over],
    );
    const path = await begin(node);
    expect(await node.authentication.sweep()).toBe(4_000);
    expect(await signedIn()).toMatchObject({ person: anna.id });
    const form = await formOf(browser, path);
    expect((await browser.post(path, { ...form, person: anna.id })).statusCode).toBe(303);
    world.clock.advance(13 * hour);
    await node.authentication.sweep();
    expect([await world.rows('sign_ins'), await world.rows('sessions')]).toEqual([0, 0]);
  });
});
