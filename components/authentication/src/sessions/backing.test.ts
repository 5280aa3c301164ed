import { type AuditAppender, type AuditLog, auditLogErrors } from '@countersign/contracts';
import { defined, digestOf } from '@countersign/kernel';
import { personOf, type WebBrowser } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addStatementType } from '../authenticators/registrations.ts';
import { createKeyHolders, signInWithKey } from '../testing/key-holders.ts';
import { broker } from '../testing/people.ts';
import { createSignInWorld, type SignInNode, type SignInWorld } from '../testing/sign-in-world.ts';

const office = { id: 'person:olga.office' };
const order = digestOf({ order: 1 });
const tier = 'order-entry';

describe('sessions and tokens that depend on a key', () => {
  let world: SignInWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  let node: SignInNode;
  /** A node that fails to record only the end of a session and what ends with it. */
  let failing: SignInNode;
  let endsFail: boolean;
  let cut: { person: string; reason: string }[];
  let browser: WebBrowser;
  let person: ReturnType<typeof personOf>;
  let key: SoftwareAuthenticator;
  let number = 0;

  beforeAll(async () => {
    world = await createSignInWorld();
    holders = await createKeyHolders();
    const config = { methods: ['webauthn' as const], authenticators: { rootsFile: holders.rootsFile } };
    node = world.node(config, world.directory, {
      cutOff: async (whose, reason) => void cut.push({ person: whose, reason }),
    });
    const audit: AuditAppender & Pick<AuditLog, 'standings' | 'query' | 'find'> = {
      standings: world.audit.standings,
      query: world.audit.query,
      find: world.audit.find,
      async append(draft) {
        if (endsFail && draft.type === 'session.ended')
          throw auditLogErrors.error('log_unavailable', 'The log is not writable.');
        return world.audit.append(draft);
      },
    };
    failing = world.node(config, world.directory, { audit });
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });
  beforeEach(async () => {
    endsFail = false;
    cut = [];
    number += 1;
    person = personOf(`b${number}`, broker, 'trader');
    world.directory.add(person);
    key = await holders.keyOf(node, person);
    browser = node.browser();
  });

  const current = (on = node, intents?: readonly (typeof order)[]) =>
    on.authentication.current(browser.cookieHeader(), { tier, ...defined({ intents }) });
  const firstKey = async () => {
    const made = (await node.authentication.authenticators.of(person.id)).find(({ name }) => name === 'key');
    if (made === undefined) throw new Error('no key');
    return made;
  };
  const ends = () =>
    world.audit
      .ofType('session.ended')
      .filter(({ subject }) => subject?.id === person.id)
      .map(({ data }) => data);

  /** A second key of the person, added with the first. */
  async function addKey(): Promise<SoftwareAuthenticator> {
    const { authenticators } = node.authentication;
    const iat = Math.floor(world.clock.now() / 1000);
    const claims = { typ: addStatementType, iss: person.id, iat, exp: iat + 300, jti: `add-${number}` };
    const asked = await authenticators.ask({ person: person.id, claims });
    const credential = key.get(asked.options);
    const statement = await authenticators.consume({ handle: asked.handle, person: person.id, credential });
    const { handle, options } = await authenticators.registrationFor(person.id, statement);
    const second = holders.another(node);
    await authenticators.register({ handle, person: person.id, credential: second.create(options), name: 'second' });
    return second;
  }

  it('end when an operator removes the key: sessions on every node, and tokens', async () => {
    const second = await addKey();
    const elsewhere = node.browser();
    await signInWithKey(node, elsewhere, second);
    await signInWithKey(node, browser, key, { tier });
    const session = await current();
    await node.authentication.authenticators.revoke((await firstKey()).id, office, 'stolen');
    expect(await current()).toBeUndefined();
    expect(await current(failing)).toBeUndefined();
    expect(session && (await node.authentication.session(session.session))).toBeUndefined();
    expect(ends()).toContainEqual({ session: session?.session, reason: 'authenticator_removed' });
    // The key behind a token is not known, so all tokens and sessions end.
    expect(cut).toEqual([{ person: person.id, reason: 'authenticator_removed' }]);
  });

  it('end when an operator removes all keys', async () => {
    await signInWithKey(node, browser, key, { tier });
    await node.authentication.authenticators.disarm(person.id, office, 'stolen');
    expect(await current()).toBeUndefined();
    expect(ends()).toHaveLength(1);
    expect(cut).toEqual([{ person: person.id, reason: 'authenticator_removed' }]);
  });

  it('end when the person removes the key, while those of another key continue', async () => {
    const second = await addKey();
    const elsewhere = node.browser();
    await signInWithKey(node, elsewhere, second);
    await signInWithKey(node, browser, key, { tier });
    const session = await current();
    await node.authentication.authenticators.removeOwn(person.id, (await firstKey()).id);
    expect(await current()).toBeUndefined();
    expect(ends()).toEqual([{ session: session?.session, reason: 'authenticator_removed' }]);
    expect(await node.authentication.current(elsewhere.cookieHeader())).toMatchObject({ person: person.id });
  });

  it('are no longer stepped up once the key of the step-up is removed', async () => {
    const second = await addKey();
    await signInWithKey(node, browser, second, { tier });
    await signInWithKey(node, browser, key, { tier, intents: [order], acrValues: ['phrh'] });
    expect((await current(node, [order]))?.boundTo).toEqual([order]);
    await node.authentication.authenticators.removeOwn(person.id, (await firstKey()).id);
    const left = await current(node, [order]);
    expect(left).toBeDefined();
    expect(left?.boundTo).toBeUndefined();
  });

  it('grant nothing while their end cannot be recorded, and are ended by the next sweep', async () => {
    await signInWithKey(node, browser, key, { tier });
    endsFail = true;
    await expect(failing.authentication.authenticators.lock(person.id, office, 'gone')).rejects.toMatchObject({
      code: 'log_unavailable',
    });
    expect(await current()).toBeUndefined();
    expect(ends()).toEqual([]);
    await expect(failing.authentication.sweep()).rejects.toMatchObject({ code: 'log_unavailable' });
    endsFail = false;
    await failing.authentication.sweep();
    expect(ends()).toMatchObject([{ reason: 'account_locked' }]);
    await node.authentication.authenticators.unlock(person.id, office, 'back');
    expect(await current()).toBeUndefined();
  });

  it('grant nothing to the holder of a copied key, even if the log fails when the copy is detected', async () => {
    const copy = holders.another(node, { saved: key.save() });
    const thief = browser;
    await signInWithKey(node, thief, copy, { tier });
    endsFail = true;
    // The owner's counter is behind the copy's: this sign-in reveals the copy.
    await signInWithKey(failing, failing.browser(), key, { tier });
    expect((await firstKey()).suspendedAt).toBeDefined();
    expect(ends()).toEqual([]);
    expect(await current()).toBeUndefined();
    endsFail = false;
    await failing.authentication.sweep();
    expect(ends()).toMatchObject([{ reason: 'authenticator_suspended' }]);
  });
});
