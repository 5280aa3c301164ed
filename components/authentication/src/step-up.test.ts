import { defined, digestOf } from '@countersign/kernel';
import { hiddenField, optionsIn, personOf, type WebBrowser } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyHolders, signInWithKey } from './testing/key-holders.ts';
import { broker } from './testing/people.ts';
import { begin, createSignInWorld, returnTo, type SignInNode, type SignInWorld } from './testing/sign-in-world.ts';

const minute = 60_000;
const order = digestOf({ order: 1 });
const another = digestOf({ order: 2 });
const tier = 'order-entry';

/** A manipulated browser asks any available key. */
function ofAnybody(options: unknown): object {
  return { ...(options as object), allowCredentials: [] };
}

describe('stepping up for an intent', () => {
  let world: SignInWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  let node: SignInNode;
  let browser: WebBrowser;
  let key: SoftwareAuthenticator;
  let person: ReturnType<typeof personOf>;
  let number = 0;

  beforeAll(async () => {
    world = await createSignInWorld();
    holders = await createKeyHolders();
    node = world.node({ methods: ['webauthn'], authenticators: { rootsFile: holders.rootsFile } });
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });
  beforeEach(async () => {
    number += 1;
    person = personOf(`s${number}`, broker, 'trader');
    world.directory.add(person);
    key = await holders.keyOf(node, person);
    browser = node.browser();
    await signInWithKey(node, browser, key, { tier });
    world.clock.advance(7 * minute);
  });

  const need = (intents = [order]) => ({ acrValues: ['phrh'], tier, intents, reason: 'step_up_very_large' }) as const;
  const current = (intents?: readonly (typeof order)[]) =>
    node.authentication.current(browser.cookieHeader(), { tier, ...defined({ intents }) });

  it('counts for that intent only and leaves the session unchanged', async () => {
    const before = await current();
    expect((await current([order]))?.boundTo).toBeUndefined();
    const { answer } = await signInWithKey(node, browser, key, need());
    expect(answer.headers.location).toBe(returnTo);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await current([order])).toEqual({
      ...before,
      boundTo: [order],
      authTime: world.clock.now() / 1000,
    });
    expect(await current()).toEqual(before);
    expect(await current([another])).toEqual(before);
    expect(await current([order, another])).toEqual(before);
  });

  it('is recorded with factor, reason, result and intents', async () => {
    await signInWithKey(node, browser, key, need([order, another]));
    const { session } = (await current()) ?? {};
    expect(world.audit.records.at(-1)).toMatchObject({
      type: 'session.stepped-up',
      outcome: 'permit',
      subject: { id: person.id, institution: broker },
      authentication: { method: 'webauthn', acr: 'phrh', authTime: world.clock.now() / 1000 },
      data: {
        ...{ session, tier, intents: [order, another], asked_for: 'step_up_very_large' },
        authenticator: expect.stringMatching(/^aut_/),
      },
    });
    expect((await current([another, order]))?.boundTo).toEqual([order, another].sort());
  });

  it('expires after five minutes', async () => {
    await signInWithKey(node, browser, key, need());
    world.clock.advance(5 * minute - 1);
    expect((await current([order]))?.boundTo).toEqual([order]);
    world.clock.advance(1);
    expect((await current([order]))?.boundTo).toBeUndefined();
    expect(await current()).toBeDefined();
  });

  it('ends with the session and is deleted from the table', async () => {
    await signInWithKey(node, browser, key, need());
    const found = await current();
    if (found !== undefined) await node.authentication.end(found.session, 'test');
    expect(await current([order])).toBeUndefined();
    world.clock.advance(60 * minute);
    await node.authentication.sweep();
    const { rows } = await world.database
      .pool('authentication')
      .query<{ n: number }>('select count(*)::int as n from step_ups');
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('starts a session if there is none, and is bound to the intent all the same', async () => {
    browser = node.browser();
    await signInWithKey(node, browser, key, need());
    expect(await current([order])).toMatchObject({ person: person.id, boundTo: [order] });
  });

  it('shows its intent, its reason and its binding on the page', async () => {
    const { body } = await browser.get(await begin(node, { need: need() }));
    expect(body).toContain(order);
    expect(body).toContain('step_up_very_large');
    expect(body).toContain('applies to this instruction only');
    const german = await browser.get(await begin(node, { need: need() }), { 'accept-language': 'de-CH' });
    expect(german.body).toContain('lang="de"');
    expect(german.body).toContain('gilt nur für diesen Auftrag');
  });

  describe('refuses', () => {
    const notBound = async () => expect((await current([order]))?.boundTo).toBeUndefined();
    /** Sends an assertion over options that were partly changed. */
    async function sendChanged(change: (options: object) => object) {
      const path = await begin(node, { need: need() });
      const { body } = await browser.get(path);
      const options = optionsIn(body);
      if (typeof options !== 'object' || options === null) throw new Error('a page without options');
      const credential = JSON.stringify(key.get(change(options)));
      return browser.post(path, { csrf: hiddenField(body, 'csrf'), method: 'webauthn', action: 'sign-in', credential });
    }

    it('an assertion made for another intent, with the challenge of its page', async () => {
      const elsewhere = await begin(node, { need: need([another]) });
      const other = optionsIn((await browser.get(elsewhere)).body);
      const answer = await sendChanged(() => other as object);
      expect(answer.statusCode).toBe(403);
      await notBound();
      expect(world.audit.ofType('authenticator.refused').at(-1)).toMatchObject({ reason: 'challenge_mismatch' });
    });

    it('an assertion over the nonce without the intent', async () => {
      const nonce = Buffer.alloc(32, 9).toString('base64url');
      expect((await sendChanged((options) => ({ ...options, challenge: nonce }))).statusCode).toBe(403);
      await notBound();
    });

    it('a form sent a second time, before and after the page is shown again', async () => {
      const path = await begin(node, { need: need() });
      const weak = await holders.keyOf(node, await stranger());
      const { body } = await browser.get(path);
      const options = optionsIn(body);
      const form = { csrf: hiddenField(body, 'csrf'), method: 'webauthn', action: 'sign-in' };
      const credential = JSON.stringify(key.get(options as object));
      // An attempt with an unknown key uses up the page; the assertion for it becomes worthless.
      await browser.post(path, { ...form, credential: JSON.stringify(weak.get(ofAnybody(options))) });
      expect((await browser.post(path, { ...form, credential })).statusCode).toBe(403);
      await notBound();
    });

    it('a form whose challenge was just used by an attempt on another node, and records it', async () => {
      const path = await begin(node, { need: need() });
      const { body } = await browser.get(path);
      await world.database.pool('authentication').query('update sign_ins set nonce = null');
      const form = { csrf: hiddenField(body, 'csrf'), method: 'webauthn', action: 'sign-in' };
      const credential = JSON.stringify(key.get(optionsIn(body)));
      expect((await browser.post(path, { ...form, credential })).body).toContain('challenge_unknown');
      await notBound();
      expect(world.audit.ofType('authenticator.refused').at(-1)).toMatchObject({
        reason: 'challenge_unknown',
        subject: { id: person.id },
        data: { ceremony: 'sign-in' },
      });
    });

    it('a second sign-in with a finished one', async () => {
      const { path, form } = await signInWithKey(node, browser, key, need());
      const records = world.audit.records.length;
      const again = await browser.post(path, form);
      expect(again.headers.location).toBe(returnTo);
      expect(world.audit.records).toHaveLength(records);
    });

    it('another person’s key', async () => {
      const other = await holders.keyOf(node, await stranger());
      const path = await begin(node, { need: need() });
      const { body } = await browser.get(path);
      const answer = await browser.post(path, {
        ...{ csrf: hiddenField(body, 'csrf'), method: 'webauthn', action: 'sign-in' },
        credential: JSON.stringify(other.get(ofAnybody(optionsIn(body)))),
      });
      expect(answer.statusCode).toBe(403);
      await notBound();
    });

    it('a key that could be copied if a hardware key is required', async () => {
      const holder = await stranger();
      const passkey = await holders.keyOf(node, holder, { backupEligible: true });
      browser = node.browser();
      await signInWithKey(node, browser, passkey, { tier });
      const { answer } = await signInWithKey(node, browser, passkey, need());
      expect(answer.body).toContain('authenticator_too_weak');
      await notBound();
    });

    it('a method whose challenge cannot include the intent: it is not offered', async () => {
      const certificate = {
        name: 'certificate',
        acrs: ['phrh'],
        draw: () => {
          throw new Error('it was offered');
        },
        attempt: () => {
          throw new Error('it was asked');
        },
      };
      const bare = world.node({ methods: ['certificate'] }, world.directory, { certificate });
      const page = await bare.browser().get(await begin(bare, { need: need() }));
      expect([page.statusCode, page.body]).toEqual([403, expect.stringContaining('method_not_available')]);
    });
  });

  async function stranger() {
    number += 1;
    const made = personOf(`s${number}`, broker, 'trader');
    world.directory.add(made);
    return made;
  }

  it('requests the key of the signed-in person, and no key for another person', async () => {
    const other = await holders.keyOf(node, await stranger());
    const path = await begin(node, { need: { acrValues: [], tier } });
    const named = optionsIn((await browser.get(path)).body);
    expect(named).toMatchObject({ allowCredentials: [expect.anything()] });
    const { body } = await browser.get(`${path}?other=1`);
    expect(optionsIn(body)).toMatchObject({ allowCredentials: [] });
    const answer = await browser.post(path, {
      ...{ csrf: hiddenField(body, 'csrf'), method: 'webauthn', action: 'sign-in', other: '1' },
      credential: JSON.stringify(other.get(optionsIn(body) as object)),
    });
    expect(answer.headers.location).toBe(returnTo);
    expect((await current())?.person).not.toBe(person.id);
  });
});
