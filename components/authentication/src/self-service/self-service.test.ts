import type { Person, PersonSignal, PrincipalId } from '@countersign/contracts';
import { hiddenField, optionsIn, personOf, type WebBrowser } from '@countersign/testkit';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signInWithKey } from '../testing/key-holders.ts';
import { bank, broker } from '../testing/people.ts';
import { createSelfServiceWorld, type SelfServiceWorld, signAt, signedFields } from '../testing/self-service-world.ts';
import { type SignInNode, signIn } from '../testing/sign-in-world.ts';

describe('the self-service pages', () => {
  let world: SelfServiceWorld;
  let node: SignInNode;
  const signals = new Map<string, readonly PersonSignal[]>();
  let number = 0;
  beforeAll(async () => {
    world = await createSelfServiceWorld();
    node = world.node({ signals: { of: (person) => signals.get(person) ?? [] } });
  });
  afterEach(() => world.audit.repair());
  afterAll(() => world.close());

  const somebody = (): Person => {
    number += 1;
    const person = personOf(`self${number}`, broker, 'trader');
    world.directory.add(person);
    return person;
  };
  const keysOf = ({ id }: Person) => node.authentication.authenticators.of(id);
  const onlyKey = async (person: Person) => {
    const [key] = await keysOf(person);
    if (key === undefined) throw new Error('this person has no key');
    return key;
  };
  const newKey = () => world.holders.another(node);
  /** Both steps from start to end. */
  async function addKey(
    browser: WebBrowser,
    key: SoftwareAuthenticator,
    added: SoftwareAuthenticator,
    name = 'second',
  ) {
    // Keys are listed in the order of their registration.
    world.clock.advance(1_000);
    const step = await signAt(browser, '/me/keys/add', key);
    return browser.post('/me/keys/add', {
      ...{ csrf: hiddenField(step.body, 'csrf'), handle: hiddenField(step.body, 'handle'), action: 'register', name },
      credential: JSON.stringify(added.create(optionsIn(step.body))),
    });
  }

  it('send a visitor who is not signed in to the sign-in and back', async () => {
    for (const path of ['/me', '/me/keys', '/me/keys/add', '/me/sessions', '/me/sessions/others']) {
      const answer = await node.browser().get(path);
      expect([path, answer.statusCode]).toEqual([path, 303]);
      expect(answer.headers.location).toMatch(/^\/sign-in\//);
    }
  });

  it('show the person, unusual activity and the number of keys and sessions, in the browser’s language', async () => {
    const person = somebody();
    const { browser } = await world.signedIn(node, person);
    signals.set(person.id, ['device-new']);
    const { body, headers } = await browser.get('/me');
    expect(body).toContain(person.id);
    expect(body).toContain('Example Broker AG');
    expect(body).toContain('(device-new)');
    expect(body).toContain('One key');
    expect(body).not.toContain('/me/devices');
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['content-security-policy']).not.toContain('script-src');
    const german = await browser.get('/me', { 'accept-language': 'de-CH, en;q=0.5' });
    expect(german.body).toContain('<html lang="de">');
    expect(german.body).toContain('Ein Schlüssel');
    expect((await browser.get('/me/devices')).statusCode).toBe(404);
  });

  describe('with keys', () => {
    it('add another key in two steps, each confirmed with an authenticator', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      expect((await browser.get('/me/keys')).body).toContain('You have only one key.');
      const second = newKey();
      const added = await addKey(browser, key, second, 'green <key>');
      expect(added.statusCode).toBe(303);
      const page = await browser.get(String(added.headers.location));
      expect(page.body).toContain('The key has been registered.');
      expect(page.body).toContain('green &lt;key&gt;');
      const [first] = await keysOf(person);
      expect(world.audit.ofType('authenticator.registered').at(-1)).toMatchObject({
        subject: { id: person.id },
        data: { by: first?.id },
        references: [first?.recordId],
      });
      const elsewhere = node.browser();
      expect((await signInWithKey(node, elsewhere, second)).answer.statusCode).toBe(303);
    });

    it('do not let the new key confirm itself, nor a challenge be used again', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      const { body } = await browser.get('/me/keys/add');
      const stranger = newKey();
      stranger.create(optionsIn((await signAt(browser, '/me/keys/add', key)).body));
      const refused = await browser.post('/me/keys/add', {
        ...signedFields(body, key),
        credential: JSON.stringify(stranger.get({ ...Object(optionsIn(body)), allowCredentials: [] })),
      });
      expect([refused.statusCode, refused.body]).toEqual([403, expect.stringContaining('(credential_unknown)')]);
      const fields = signedFields(refused.body, key);
      expect((await browser.post('/me/keys/add', fields)).body).toContain('Step 2 of 2');
      expect((await browser.post('/me/keys/add', fields)).body).toContain('(challenge_unknown)');
      expect(await keysOf(person)).toHaveLength(1);
    });

    it('keep the name of a refused new key when the first step is repeated', async () => {
      const { browser, key } = await world.signedIn(node, somebody());
      const step = await signAt(browser, '/me/keys/add', key);
      const refused = await browser.post('/me/keys/add', {
        ...{ csrf: hiddenField(step.body, 'csrf'), handle: hiddenField(step.body, 'handle') },
        ...{ action: 'register', name: 'green key', credential: 'none' },
      });
      expect([refused.statusCode, hiddenField(refused.body, 'name')]).toEqual([403, 'green key']);
      const again = await browser.post('/me/keys/add', signedFields(refused.body, key));
      expect(again.body).toContain('name="name" value="green key"');
    });

    it('rename a key to the signed name', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      const path = `/me/keys/${(await onlyKey(person)).id}`;
      const page = await browser.get(path);
      const confirm = await browser.post(path, {
        csrf: hiddenField(page.body, 'csrf'),
        action: 'name',
        name: ' my\nkey ',
      });
      expect(confirm.body).toContain('my key');
      const fields = signedFields(confirm.body, key);
      const other = await browser.post(path, { ...fields, name: 'another' });
      expect([other.statusCode, other.body]).toEqual([403, expect.stringContaining('(challenge_mismatch)')]);
      expect(other.body).toContain('name="name" value="another"');
      expect(await onlyKey(person)).toMatchObject({ name: 'key' });
      const again = await browser.post(path, { csrf: hiddenField(page.body, 'csrf'), action: 'name', name: 'my key' });
      const renamed = await browser.post(path, signedFields(again.body, key));
      expect(renamed.headers.location).toBe('/me/keys?done=renamed');
      expect(await onlyKey(person)).toMatchObject({ name: 'my key' });
    });

    it('remove a key and keep the last', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      const first = await onlyKey(person);
      const alone = await browser.get(`/me/keys/${first.id}`);
      expect(alone.body).toContain('This is your last active key.');
      expect(alone.body).not.toContain('value="remove"');
      const second = newKey();
      await addKey(browser, key, second);
      const removed = await signAt(browser, `/me/keys/${first.id}`, second);
      expect(removed.headers.location).toBe('/me/keys?done=removed');
      expect(await keysOf(person)).toMatchObject([{ name: 'second' }]);
      // The session depended on the removed key.
      expect((await browser.get(`/me/keys/${first.id}`)).headers.location).toMatch(/^\/sign-in\//);
      await signInWithKey(node, browser, second);
      expect((await browser.get(`/me/keys/${first.id}`)).statusCode).toBe(404);
    });

    it('do not accept a signature about one key for another, nor about one change for another', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      await addKey(browser, key, newKey());
      const [first, second] = await keysOf(person);
      const page = await browser.get(`/me/keys/${first?.id}`);
      const wrong = await browser.get(`/me/keys/${second?.id}`);
      const swapped = await browser.post(`/me/keys/${second?.id}`, {
        ...signedFields(page.body, key),
        csrf: hiddenField(wrong.body, 'csrf'),
      });
      expect(swapped.body).toContain('(challenge_mismatch)');
      const add = await browser.get('/me/keys/add');
      const moved = await browser.post('/me/keys/add', {
        ...signedFields((await browser.get(`/me/keys/${first?.id}`)).body, key),
        ...{ action: 'allow', csrf: hiddenField(add.body, 'csrf') },
      });
      expect(moved.body).toContain('(challenge_mismatch)');
      expect(await keysOf(person)).toHaveLength(2);
    });

    it('require the strongest key that the person has', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      // From a maker that is not trusted here.
      const soft = createSoftwareAuthenticator({ origin: node.authentication.settings.origin });
      await addKey(browser, key, soft);
      const [first, second] = await keysOf(person);
      expect([first?.acr, second?.acr]).toEqual(['phrh', 'phr']);
      const { body } = await browser.get(`/me/keys/${first?.id}`);
      expect(optionsIn(body)).toMatchObject({ allowCredentials: [{ id: first?.credentialId }] });
      const weak = await browser.post(`/me/keys/${first?.id}`, {
        ...signedFields(body, key),
        credential: JSON.stringify(soft.get({ ...Object(optionsIn(body)), allowCredentials: [] })),
      });
      expect(weak.body).toContain('(authenticator_too_weak)');
      expect(await keysOf(person)).toHaveLength(2);
    });

    it('are not accessible to other people and require our own form for a change', async () => {
      const [person, other] = [somebody(), somebody()];
      const { browser, key } = await world.signedIn(node, person);
      const theirs = await world.signedIn(node, other);
      const foreign = await onlyKey(other);
      expect((await browser.get(`/me/keys/${foreign.id}`)).statusCode).toBe(404);
      await addKey(browser, key, newKey());
      const path = `/me/keys/${(await keysOf(person))[0]?.id}`;
      const { body } = await browser.get(path);
      const fields = signedFields(body, key);
      const forged = await browser.post(path, { ...fields, csrf: 'x' });
      expect(forged.body).toContain('csrf_token_invalid');
      const foreignSite = await browser.post(path, fields, {
        origin: 'https://evil.example',
        'sec-fetch-site': 'cross-site',
      });
      expect(foreignSite.statusCode).toBe(403);
      const asOther = await theirs.browser.post(path, fields);
      expect(asOther.statusCode).toBe(403);
      expect(await keysOf(person)).toHaveLength(2);
    });

    it('change nothing while it cannot be recorded', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      await addKey(browser, key, newKey());
      const path = `/me/keys/${(await keysOf(person))[0]?.id}`;
      const { body } = await browser.get(path);
      const fields = signedFields(body, key);
      world.audit.breakDown('writing');
      expect((await browser.post(path, fields)).statusCode).toBe(503);
      expect(await keysOf(person)).toHaveLength(2);
    });
  });

  describe('with sessions', () => {
    const sessionsOf = ({ id }: Person) => node.authentication.sessionsOf(id);

    it('list each with its location, and end one with a signature', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      const elsewhere = node.browser();
      await signInWithKey(node, elsewhere, key);
      const here = (await node.authentication.current(browser.cookieHeader()))?.session;
      const there = (await sessionsOf(person)).find(({ session }) => session !== here)?.session;
      const list = await browser.get('/me/sessions');
      expect(list.body).toContain(`/me/sessions/${there}`);
      expect(list.body.match(/this browser/g)).toHaveLength(1);
      const own = await browser.get(`/me/sessions/${here}`);
      expect(own.body).toContain('href="/sign-out"');
      const unsigned = await browser.post(`/me/sessions/${there}`, {
        csrf: hiddenField((await browser.get(`/me/sessions/${there}`)).body, 'csrf'),
        action: 'end',
      });
      expect([unsigned.statusCode, (await sessionsOf(person)).length]).toEqual([403, 2]);
      const ended = await signAt(browser, `/me/sessions/${there}`, key);
      expect(ended.headers.location).toBe('/me/sessions?done=ended');
      expect((await sessionsOf(person)).map(({ session }) => session)).toEqual([here]);
      expect((await elsewhere.get('/me')).statusCode).toBe(303);
      expect(world.audit.ofType('session.ended').at(-1)).toMatchObject({
        subject: { id: person.id },
        data: { session: there, reason: 'ended_by_its_person' },
      });
    });

    it('end all except those in this browser, including those that start meanwhile', async () => {
      const person = somebody();
      const { browser, key } = await world.signedIn(node, person);
      await signInWithKey(node, browser, key, { tier: 'order-entry' });
      await signInWithKey(node, node.browser(), key);
      const { body } = await browser.get('/me/sessions/others');
      await signInWithKey(node, node.browser(), key);
      expect(await sessionsOf(person)).toHaveLength(4);
      const ended = await browser.post('/me/sessions/others', signedFields(body, key));
      expect(ended.headers.location).toBe('/me/sessions?done=ended-others');
      expect((await sessionsOf(person)).map(({ tier }) => tier).sort()).toEqual(['order-entry', 'research']);
    });

    it('are not accessible to other people', async () => {
      const [person, other] = [somebody(), somebody()];
      const { browser } = await world.signedIn(node, person);
      await world.signedIn(node, other);
      const [theirs] = await sessionsOf(other);
      expect((await browser.get(`/me/sessions/${theirs?.session}`)).statusCode).toBe(404);
      expect((await browser.get('/me/sessions/nonsense')).statusCode).toBe(404);
    });

    it('end by a click for a person who has no key and cannot sign', async () => {
      const person = somebody();
      const byName = world.node({}, { methods: ['development'] });
      const [browser, elsewhere] = [byName.browser(), byName.browser()];
      await signIn(byName, browser, person);
      await signIn(byName, elsewhere, person);
      const { body } = await browser.get('/me/sessions/others');
      expect(body).not.toContain('data-webauthn');
      const ended = await browser.post('/me/sessions/others', { csrf: hiddenField(body, 'csrf'), action: 'end' });
      expect(ended.statusCode).toBe(303);
      expect(await sessionsOf(person)).toHaveLength(1);
      expect((await browser.get('/me/keys/add')).body).toContain('you have none that is suitable');
    });
  });

  it('show the person’s data from other components, and nobody else’s, as text', async () => {
    const asked: PrincipalId[] = [];
    const of =
      <Answer>(answer: Answer) =>
      async (person: PrincipalId) => {
        asked.push(person);
        return answer;
      };
    const all = world.node({
      devicesOf: of([
        {
          id: 'device:laptop-1',
          enrolled: 'key' as const,
          posture: {
            posture: 'failing' as const,
            postureAt: '2026-11-21T08:00:00.000Z',
            source: 'edr',
            failed: ['disk_encryption'],
          },
        },
      ]),
      mandatesOf: of([
        {
          id: 'man_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
          status: 'active' as const,
          grantor: { lei: bank, role: 'Client' },
          grantee: { lei: broker, role: 'ExecutingBroker' },
          effectiveUntil: '2027-01-01T00:00:00.000Z',
        },
      ]),
      grantsOf: of([
        {
          id: 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
          client: 'trading-desk' as never,
          scopes: ['order:create' as const],
          details: [],
          givenAt: '2026-11-21T08:00:00.000Z',
          expiresAt: '2026-11-22T08:00:00.000Z',
        },
      ]),
      activityOf: async (person, before) => {
        asked.push(person);
        return before === undefined
          ? {
              entries: [
                {
                  id: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
                  type: 'authenticator.registered',
                  time: '2026-11-21T08:00:00.000Z',
                  address: '192.0.2.7',
                  name: 'blue <key>',
                },
              ],
              next: '123-4',
            }
          : { entries: [] };
      },
    });
    const person = somebody();
    const { browser } = await world.signedIn(all, person);
    const overview = (await browser.get('/me')).body;
    for (const title of ['Devices', 'Mandates', 'Permissions for applications', 'Recent activity'])
      expect(overview).toContain(title);
    expect((await browser.get('/me/devices')).body).toContain('disk_encryption');
    expect((await browser.get('/me/mandates')).body).toContain('Example Bank &amp; Söhne &lt;KG&gt;');
    expect((await browser.get('/me/permissions')).body).toContain('order:create');
    const activity = (await browser.get('/me/activity')).body;
    expect(activity).toContain('A key was registered');
    expect(activity).toContain('blue &lt;key&gt;');
    expect(activity).toContain('/me/activity?before=123-4');
    expect((await browser.get('/me/activity?before=123-4')).body).toContain('No activity.');
    expect(new Set(asked)).toEqual(new Set([person.id]));
  });
});
