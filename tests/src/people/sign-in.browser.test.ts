import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipped, withoutBrowser } from './testing/chromium.ts';
import { expectProperPage, picture } from './testing/page-checks.ts';
import { openPeopleWorld, type PeopleWorld, people } from './testing/people-world.ts';
import { startRelay } from './testing/relay.ts';
import { copyKeys, softwareKey, visit, wrongly } from './testing/visitor.ts';

// A page that only needs a sign-in.
const guarded = '/approve';

describe.skipIf(withoutBrowser)(`keys and passkeys of people${skipped}`, { timeout: 120_000 }, () => {
  let world: PeopleWorld;
  beforeAll(async () => {
    world = await openPeopleWorld();
  }, 120_000);
  afterAll(() => world?.stop());

  const recordsOf = (type: string) => world.controlPlane.operator.records({ type });
  const lastOf = async (type: string) => (await recordsOf(type)).at(-1);

  it('enrol by an invitation, and sign in, with the keyboard only', async () => {
    const visitor = await visit(world);
    const { page } = visitor;
    const invitation = await world.invite(people.supervisor);
    await visitor.open(invitation);
    await expectProperPage(visitor);
    await picture(page, 'enrolment');
    await page.getByLabel('Name of the key').focus();
    await page.keyboard.type('blue key');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await visitor.see('Registration complete');
    await expectProperPage(visitor);

    await visitor.open(guarded);
    await page.waitForURL(/\/sign-in\//);
    await expectProperPage(visitor);
    expect(await page.content()).not.toContain(people.supervisor);
    await picture(page, 'sign-in');
    await picture(page, 'sign-in-dark', { colorScheme: 'dark' });
    for (let tabs = 0; tabs < 10 && !(await isFocused('Use security key or passkey')); tabs += 1)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/approve\?/);
    await visitor.see('Pending approvals');
    await expectProperPage(visitor);
    expect(await lastOf('session.started')).toMatchObject({
      subject: { id: people.supervisor },
      authentication: { method: 'webauthn', acr: 'phr' },
    });

    // The link is used up.
    expect(await visitor.open(invitation)).toBeGreaterThanOrEqual(400);
    expect(await visitor.refusal()).toBe('invitation_unknown');
    await expectProperPage(visitor);
    await visitor.open('/sign-out');
    await expectProperPage(visitor);
    await visitor.press('Sign out');
    await visitor.see('You are signed out');
    await expectProperPage(visitor);
    await visitor.open(guarded);
    await page.waitForURL(/\/sign-in\//);
    await visitor.close();

    async function isFocused(name: string): Promise<boolean> {
      return (
        await page.evaluate<string>(
          'document.activeElement?.matches("button") ? document.activeElement.textContent : ""',
        )
      ).includes(name);
    }
  });

  it('cannot be a synced passkey when the role requires a device-bound one', async () => {
    const visitor = await visit(world, { synced: true });
    await visitor.open(await world.invite(people.risk));
    await visitor.press('Register');
    await visitor.page.getByRole('alert').waitFor();
    expect(await visitor.refusal()).toBe('device_bound_required');
    await expectProperPage(visitor);
    expect(await lastOf('authenticator.refused')).toMatchObject({ subject: { id: people.risk } });
    await visitor.close();
    // The same link, with a device-bound key.
    const proper = await visit(world);
    await proper.enrolHardware(people.risk);
    await proper.close();
  });

  it('cannot be self-attested, or by an unknown maker, when the role requires a trusted maker', async () => {
    const visitor = await visit(world);
    for (const [attestation, code] of [
      ['self', 'attestation_required'],
      ['none', 'attestation_required'],
      ['packed', 'attestation_untrusted'],
    ] as const) {
      await visitor.open(await world.invite(people.security));
      const key = softwareKey({ origin: world.issuer, attestation });
      await visitor.answer((asked) => key.create(asked));
      expect([attestation, await visitor.refusal()]).toEqual([attestation, code]);
    }
    // Nor Chromium's own, which names its maker, because nobody trusts that maker.
    await visitor.open(await world.invite(people.security));
    await visitor.press('Register');
    await visitor.page.getByRole('alert').waitFor();
    expect(await visitor.refusal()).toBe('attestation_untrusted');
    await visitor.enrolHardware(people.security);
    expect(await lastOf('authenticator.registered')).toMatchObject({ data: { attested: true, acr: 'phrh' } });
    await visitor.close();
  });

  it('reveal nothing to another site: what is signed there is refused here, and the refusal recorded', async () => {
    const relay = await startRelay(world.issuer);
    try {
      const invited = await visit(world);
      await invited.enrol(people.holder);
      const victim = await visit(world, { origin: relay.origin });
      await copyKeys(invited, victim);
      // A copy of our page on the same host, at another port: the browser signs, with the origin in the response.
      await victim.open(guarded);
      const { pathname } = new URL(victim.page.url());
      await victim.open(pathname);
      await victim.press('Use security key or passkey');
      expect(await victim.refusal()).toBe('credential_unknown');
      expect(await lastOf('authenticator.refused')).toMatchObject({ reason: 'origin_wrong' });
      await victim.close();
      await invited.close();
    } finally {
      await relay.stop();
    }
  });

  it('are not offered by the browser for another domain than the page’s', async () => {
    const visitor = await visit(world, { origin: world.issuer.replace('localhost', '127.0.0.1') });
    const invitation = await world.invite(people.second);
    await visitor.open(new URL(invitation).pathname);
    await visitor.press('Register');
    expect(await visitor.refusal()).toBe('rp_id_wrong');
    await visitor.close();
  });

  it.each([
    ['for another service', { rpId: 'evil.example' }, 'rp_id_wrong'],
    ['over another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }, 'challenge_mismatch'],
    ['without asking who it is', { userVerified: false }, 'user_not_verified'],
    ['without being touched', { userPresent: false }, 'user_not_present'],
    ['from a frame of another site', { crossOrigin: true }, 'origin_wrong'],
    ['as one that is synced, which it was not', { backupEligible: true }, 'backup_flags_changed'],
  ] as const)('do not sign in %s; the page says the same as to a stranger', async (_, behaviour, code) => {
    const visitor = await visit(world);
    const key = await securityKey();
    await visitor.open(guarded);
    await visitor.page.waitForURL(/\/sign-in\//);
    await visitor.answer(wrongly(key, behaviour));
    expect(await visitor.refusal()).toBe('credential_unknown');
    await expectProperPage(visitor);
    expect(await lastOf('authenticator.refused')).toMatchObject({ reason: code });
    await visitor.close();
  });

  it('cannot be replayed: a submitted form starts nothing when it is submitted again', async () => {
    const visitor = await visit(world);
    await visitor.enrol(people.colleague);
    let sent: { readonly url: string; readonly form: string } | undefined;
    visitor.page.on('request', (request) => {
      if (request.method() === 'POST') sent = { url: request.url(), form: request.postData() ?? '' };
    });
    await visitor.open(guarded);
    await visitor.signIn();
    if (sent === undefined) throw new Error('no form was sent');
    const started = await recordsOf('session.started');
    const again = await visitor.context.request.post(sent.url, {
      data: sent.form,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: world.issuer,
        'sec-fetch-site': 'same-origin',
      },
      maxRedirects: 0,
    });
    // Redirected like the first one, but without a new session.
    expect(again.status()).toBe(303);
    expect(again.headers()['set-cookie'] ?? '').not.toContain('session');
    expect(await recordsOf('session.started')).toHaveLength(started.length);
    await visitor.close();
  });

  it('end when there may be a copy', async () => {
    const owner = await visit(world);
    await owner.enrol(people.compliance);
    const thief = await visit(world);
    await copyKeys(owner, thief, { signCount: 1 });
    for (let times = 0; times < 3; times += 1) {
      await owner.context.clearCookies();
      await owner.open(guarded);
      await owner.signIn();
    }
    await thief.open(guarded);
    await thief.press('Use security key or passkey');
    expect(await thief.refusal()).toBe('credential_unknown');
    expect(await lastOf('authenticator.suspected')).toMatchObject({ subject: { id: people.compliance } });
    // It is unknown which one is the original: the owner's key no longer counts either, and they were signed out.
    await owner.open(guarded);
    await owner.page.waitForURL(/\/sign-in\//);
    await owner.press('Use security key or passkey');
    expect(await owner.refusal()).toBe('credential_unknown');
    await owner.close();
    await thief.close();
  });

  it('cannot be used without scripts: the page says so', async () => {
    const context = await world.browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(world.issuer + guarded);
    expect(await page.locator('noscript').textContent()).toContain('Switch on JavaScript');
    await context.close();
  });

  /** The trader's key, registered once. */
  let registered: Promise<ReturnType<typeof softwareKey>> | undefined;
  function securityKey() {
    registered ??= (async () => {
      const visitor = await visit(world);
      const key = await visitor.enrolHardware(people.trader);
      await visitor.close();
      return key;
    })();
    return registered;
  }
});
