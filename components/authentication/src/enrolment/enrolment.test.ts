import { hiddenField, optionsIn, personOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
  office,
} from '../testing/authenticator-world.ts';
import { broker } from '../testing/people.ts';

describe('the invitation page', () => {
  let world: AuthenticatorWorld;
  let node: AuthenticatorNode;
  let number = 0;
  beforeAll(async () => {
    world = await createAuthenticatorWorld();
    node = world.node({
      rules: [
        { deviceBound: false, attestation: 'any' },
        { roles: ['desk-head'], deviceBound: true, attestation: 'trusted' },
      ],
    });
  });
  afterAll(() => world.close());
  async function invited(...roles: readonly string[]) {
    number += 1;
    const person = personOf(`e${number}`, broker, ...roles);
    world.directory.add(person);
    const { path } = await node.authenticators.invite({ person: person.id, evidence: ['file 1'] }, office);
    return { person, path, browser: node.browser() };
  }

  it('registers the first key from the browser’s answer once', async () => {
    const { person, path, browser } = await invited();
    const shown = await browser.get(path);
    expect(shown.statusCode).toBe(200);
    expect(shown.headers['content-security-policy']).toContain("script-src 'self'; ");
    expect(shown.headers['cache-control']).toBe('no-store');
    expect(shown.body).toContain(`<bdi>${person.id}</bdi>`);
    expect(shown.body).toContain('<bdi>Example Broker AG</bdi>');
    expect(shown.body).toContain('<noscript>');
    const options = optionsIn(shown.body);
    expect(options).toMatchObject({
      rp: { id: 'id.example' },
      attestation: 'direct',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    // The key stores nothing about the person beyond the sign-in id.
    expect(JSON.stringify(options)).not.toContain(person.institution);

    const fields = {
      handle: hiddenField(shown.body, 'handle'),
      credential: JSON.stringify(world.key().create(options)),
      name: 'blue <b>',
    };
    const done = await browser.post(path, fields);
    expect(done.statusCode).toBe(200);
    expect(done.body).toContain('<bdi>blue &lt;b&gt;</bdi></strong> is registered');
    expect(done.body).toContain('cannot be copied');
    expect(await node.authenticators.of(person.id)).toMatchObject([{ name: 'blue <b>', acr: 'phrh' }]);
    for (const answer of [await browser.post(path, fields), await browser.get(path)]) {
      expect(answer.statusCode).toBe(404);
      expect(answer.body).toContain('<code>invitation_unknown</code>');
    }
  });

  it('explains in words and with a code why a key was refused, and asks again', async () => {
    const { path, browser, person } = await invited('desk-head');
    const shown = await browser.get(path);
    expect(shown.body).toContain('Your role requires a security key');
    const refused = await browser.post(path, {
      handle: hiddenField(shown.body, 'handle'),
      credential: JSON.stringify(world.key({ backupEligible: true }).create(optionsIn(shown.body))),
      name: 'phone',
    });
    expect(refused.statusCode).toBe(403);
    expect(refused.body).toContain('role="alert"');
    expect(refused.body).toContain('(device_bound_required)');
    expect(refused.body).toContain('name="name" value="phone"');
    const again = await browser.post(path, {
      handle: hiddenField(refused.body, 'handle'),
      credential: JSON.stringify(world.key().create(optionsIn(refused.body))),
      name: 'key',
    });
    expect(again.statusCode).toBe(200);
    expect(again.body).toContain('<a href="/me">');
    expect(await node.authenticators.of(person.id)).toHaveLength(1);
  });

  it('accepts a form once, and only its own', async () => {
    const { path, browser, person } = await invited();
    const shown = await browser.get(path);
    const key = world.key();
    const fields = {
      handle: hiddenField(shown.body, 'handle'),
      credential: JSON.stringify(key.create(optionsIn(shown.body), { userVerified: false })),
    };
    const foreign = await browser.post(path, fields, { 'sec-fetch-site': 'cross-site' });
    expect([foreign.statusCode, foreign.body.includes('csrf_token_invalid')]).toEqual([403, true]);
    expect((await browser.post(path, fields)).body).toContain('(user_not_verified)');
    expect((await browser.post(path, fields)).body).toContain('(challenge_unknown)');
    expect((await browser.post(path, {})).body).toContain('(challenge_unknown)');
    expect(await node.authenticators.of(person.id)).toEqual([]);
  });

  it('is shown in German on request', async () => {
    const { path, browser } = await invited();
    const { body } = await browser.get(path, { 'accept-language': 'de-CH,de;q=0.9,en;q=0.5' });
    expect(body).toContain('<html lang="de">');
    expect(body).toContain('Sicherheitsschlüssel oder Passkey registrieren');
    expect(body).toContain('Zum Inhalt springen');
  });

  it.each(['x', 'A'.repeat(43), '..%2F', 'A'.repeat(2_000)])(
    'reveals nothing about invalid links (%#)',
    async (secret) => {
      const { statusCode, body } = await node.browser().get(`/enrol/${secret}`);
      expect([404, 400, 414]).toContain(statusCode);
      expect(body).not.toContain('data-options');
    },
  );
});
