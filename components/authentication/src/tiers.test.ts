import { developmentAcr } from '@countersign/contracts';
import { personOf, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyHolders, signInWithKey } from './testing/key-holders.ts';
import { anna, ben, broker } from './testing/people.ts';
import {
  begin,
  createSignInWorld,
  formOf,
  returnTo,
  type SignInNode,
  type SignInWorld,
  signIn,
} from './testing/sign-in-world.ts';

const minute = 60_000;
const office = { id: 'person:olga.office' };

describe('the tiers of sessions', () => {
  let world: SignInWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  let node: SignInNode;
  let browser: WebBrowser;
  let number = 0;

  beforeAll(async () => {
    world = await createSignInWorld();
    holders = await createKeyHolders();
    node = world.node({ methods: ['development', 'webauthn'], authenticators: { rootsFile: holders.rootsFile } });
  });
  beforeEach(() => {
    browser = node.browser();
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });

  const current = (tier?: Parameters<SignInNode['authentication']['current']>[1], on = node) =>
    on.authentication.current(browser.cookieHeader(), tier);
  function somebody() {
    number += 1;
    const person = personOf(`t${number}`, broker, 'trader');
    world.directory.add(person);
    return person;
  }
  async function pick(person: { readonly id: string }, tier: 'order-entry' | 'approval' | 'research', on = node) {
    const path = await begin(on, { need: { acrValues: [], tier } });
    return browser.post(path, { ...(await formOf(browser, path)), method: 'development', person: person.id });
  }

  it('are separate: signing in for one is not signing in for another', async () => {
    await signIn(node, browser, anna);
    expect(await current()).toMatchObject({ person: anna.id, tier: 'research' });
    for (const tier of ['order-entry', 'approval', 'administration'] as const)
      expect(await current({ tier })).toBeUndefined();
    await pick(anna, 'order-entry');
    const trading = await current({ tier: 'order-entry' });
    expect(trading).toMatchObject({ person: anna.id, tier: 'order-entry' });
    expect((await current())?.session).not.toBe(trading?.session);
    expect(await current({ tier: 'approval' })).toBeUndefined();
    expect((await node.authentication.inBrowser(browser.cookieHeader())).map(({ tier }) => tier)).toEqual([
      'research',
      'order-entry',
    ]);
  });

  it('do not start a session for reading when one for trading starts', async () => {
    await pick(anna, 'order-entry');
    expect(await current()).toBeUndefined();
  });

  it('are not opened by the secret of another tier set under their cookie name', async () => {
    await signIn(node, browser, anna);
    const secret = browser.cookies.get('countersign-session');
    const planted = `countersign-session-order-entry=${secret}; countersign-session-administration=${secret}`;
    for (const tier of ['order-entry', 'administration'] as const)
      expect(await node.authentication.current(planted, { tier })).toBeUndefined();
  });

  it('each have their own lifetime', async () => {
    await signIn(node, browser, anna);
    await pick(anna, 'order-entry');
    await pick(anna, 'approval');
    world.clock.advance(10 * minute);
    expect(await current({ tier: 'approval' })).toBeUndefined();
    expect(await current({ tier: 'order-entry' })).toBeDefined();
    for (let used = 0; used < 9; used++) {
      world.clock.advance(11 * minute);
      await current();
      expect(await current({ tier: 'order-entry' }), `after ${used}`).toBeDefined();
    }
    world.clock.advance(11 * minute - 1);
    expect(await current({ tier: 'order-entry' })).toBeDefined();
    // Two hours after the sign-in, despite constant use.
    world.clock.advance(1);
    expect(await current({ tier: 'order-entry' })).toBeUndefined();
    expect(await current()).toBeDefined();
  });

  it('are not extended by the use of another tier on the same browser', async () => {
    await signIn(node, browser, anna);
    await pick(anna, 'approval');
    for (let looked = 0; looked < 3; looked++) {
      world.clock.advance(4 * minute);
      // The sign-in page and its form read every session of the browser.
      await browser.get(await begin(node));
      await node.authentication.inBrowser(browser.cookieHeader());
    }
    expect(await current({ tier: 'approval' })).toBeUndefined();
    expect(await current()).toBeDefined();
  });

  it('follow the configured limits and classes', async () => {
    const strict = world.node({
      methods: ['development', 'webauthn'],
      tiers: { 'order-entry': { acrValues: ['phrh'], idleSeconds: 60 }, research: { acrValues: ['phr', 'phrh'] } },
    });
    browser = strict.browser();
    // Only the key method is offered, and the other method is refused.
    const path = await begin(strict, { need: { acrValues: [], tier: 'order-entry' } });
    const { body } = await browser.get(path);
    expect(body).toContain('data-webauthn="get"');
    expect(body).not.toContain(anna.id);
    expect((await pick(anna, 'order-entry', strict)).statusCode).toBe(403);
    expect(await current({ tier: 'order-entry' }, strict)).toBeUndefined();
    // Reading accepts any class, and grants only what that class allows.
    await signIn(strict, browser, anna);
    expect(await current({ tier: 'market-data' }, strict)).toMatchObject({ tier: 'market-data', acr: developmentAcr });
    expect(await current({ tier: 'research' }, strict)).toBeUndefined();
  });

  it('end if the configuration now requires more than their sign-in’s strength', async () => {
    await pick(anna, 'order-entry');
    const strict = world.node({ tiers: { 'order-entry': { acrValues: ['phrh'] } } });
    expect(await current({ tier: 'order-entry' }, strict)).toBeUndefined();
    expect(await current({ tier: 'order-entry' })).toBeDefined();
  });

  it('accept no key for approval in production that could be copied, and explain this only to its owner', async () => {
    const production = world.node({
      ...{ environment: 'production', issuer: 'https://id.example', methods: ['webauthn'] },
      authenticators: { rootsFile: holders.rootsFile, rules: [{ deviceBound: false, attestation: 'any' }] },
    });
    const copied = somebody();
    const bound = somebody();
    const passkey = await holders.keyOf(production, copied, { backupEligible: true });
    const key = await holders.keyOf(production, bound);
    browser = production.browser();
    const { answer } = await signInWithKey(production, browser, passkey, { tier: 'approval' });
    expect(answer.statusCode).toBe(403);
    expect(answer.body).toContain('authenticator_too_weak');
    expect(await current({ tier: 'approval' }, production)).toBeUndefined();
    // It suffices for trading.
    await signInWithKey(production, browser, passkey, { tier: 'order-entry' });
    expect(await current({ tier: 'order-entry' }, production)).toMatchObject({ acr: 'phr', person: copied.id });
    browser = production.browser();
    await signInWithKey(production, browser, key, { tier: 'approval' });
    expect(await current({ tier: 'approval' }, production)).toMatchObject({ acr: 'phrh', person: bound.id });
    const started = world.audit.ofType('session.started').at(-1);
    expect(started).toMatchObject({
      authentication: { method: 'webauthn', acr: 'phrh', amr: ['pop', 'hwk', 'user'] },
      data: { tier: 'approval', authenticator: expect.stringMatching(/^aut_/) },
    });
  });

  it('refuse to start if the development class would count outside development', () => {
    expect(() =>
      world.node({
        ...{ environment: 'production', issuer: 'https://id.example', methods: [] },
        tiers: { approval: { acrValues: [developmentAcr] } },
      }),
    ).toThrow(expect.objectContaining({ code: 'configuration_unsafe' }));
  });

  it('of one person all end when another signs in for any of them', async () => {
    await signIn(node, browser, anna);
    await pick(anna, 'order-entry');
    const before = world.audit.ofType('session.ended').length;
    await signIn(node, browser, ben);
    expect(await current({ tier: 'order-entry' })).toBeUndefined();
    expect(await current()).toMatchObject({ person: ben.id });
    expect(
      world.audit
        .ofType('session.ended')
        .slice(before)
        .map(({ data }) => data),
    ).toEqual([
      expect.objectContaining({ reason: 'another_person_signed_in' }),
      expect.objectContaining({ reason: 'another_person_signed_in' }),
    ]);
  });

  it('are listed for their person, newest first, with the place of their sign-in', async () => {
    const person = somebody();
    const path = await begin(node, { need: { acrValues: [], tier: 'order-entry' } });
    const form = { ...(await formOf(browser, path)), method: 'development', person: person.id };
    await browser.post(path, form, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0' });
    world.clock.advance(minute);
    await signIn(node, browser, person);
    const listed = await node.authentication.sessionsOf(person.id);
    expect(listed).toMatchObject([
      { tier: 'research', person: person.id },
      { tier: 'order-entry', acr: developmentAcr, where: 'Firefox, Linux, 127.0.0.1' },
    ]);
    for (const { session } of listed) await node.authentication.end(session, 'test');
    expect(await node.authentication.sessionsOf(person.id)).toEqual([]);
  });

  it('end when the account is locked, and do not start again until it is unlocked', async () => {
    const person = somebody();
    const key = await holders.keyOf(node, person);
    await signInWithKey(node, browser, key, { tier: 'order-entry' });
    await signInWithKey(node, browser, key);
    const { authenticators } = node.authentication;
    await authenticators.lock(person.id, office, 'left the office in a hurry');
    expect(await node.authentication.inBrowser(browser.cookieHeader())).toEqual([]);
    browser = node.browser();
    const { answer } = await signInWithKey(node, browser, key);
    expect(answer.body).toContain('credential_unknown');
    // With another method the answer is the same as for an unknown person.
    const picked = await pick(person, 'research');
    expect(picked.body).toContain('person_unknown');
    expect(world.audit.records.at(-1)).toMatchObject({
      type: 'session.refused',
      reason: 'account_locked',
      subject: { id: person.id },
    });
    await authenticators.unlock(person.id, office, 'was a drill');
    expect((await signInWithKey(node, browser, key)).answer.headers.location).toBe(returnTo);
  });
});
