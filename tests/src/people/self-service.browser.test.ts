import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipped, withoutBrowser } from './testing/chromium.ts';
import { expectProperPage, picture } from './testing/page-checks.ts';
import { openPeopleWorld, type PeopleWorld, people } from './testing/people-world.ts';
import { copyKeys, type Visitor, visit, wrongly } from './testing/visitor.ts';

describe.skipIf(withoutBrowser)(`a person’s own account${skipped}`, { timeout: 120_000 }, () => {
  let world: PeopleWorld;
  let trader: Visitor;
  let key: Awaited<ReturnType<Visitor['enrolHardware']>>;
  beforeAll(async () => {
    world = await openPeopleWorld();
    trader = await visit(world);
    key = await trader.enrolHardware(people.trader);
    await trader.open('/me');
    await trader.signIn();
  }, 120_000);
  afterAll(() => world?.stop());

  it('shows its data, on accessible pages', async () => {
    await trader.see('Your account');
    await expectProperPage(trader);
    await picture(trader.page, 'me');
    const sections = await trader.page
      .locator('main a[href^="/me/"]')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''));
    expect(sections).toEqual(expect.arrayContaining(['/me/keys', '/me/sessions', '/me/activity']));
    for (const path of sections) {
      expect([path, await trader.open(path)]).toEqual([path, 200]);
      await expectProperPage(trader);
      if (path === '/me/activity') await picture(trader.page, 'me-activity');
    }
  });

  it('registers a second key with the first, and no key without it', async () => {
    await trader.open('/me/keys/add');
    await expectProperPage(trader);
    await trader.answer(wrongly(key, { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }), {
      action: 'allow',
    });
    expect(await trader.refusal()).toBe('challenge_mismatch');
    await expectProperPage(trader);

    await trader.open('/me/keys/add');
    await trader.press('Confirm with your security key or passkey');
    await trader.see('Step 2 of 2: the new key');
    await expectProperPage(trader);
    // Another key than the one plugged in: the browser registers none twice.
    await trader.press('Register the new key');
    expect(await trader.refusal()).toBe('credential_registered');
    await trader.cdp.send('WebAuthn.clearCredentials', { authenticatorId: trader.authenticatorId });
    await trader.page.getByLabel('Name of the key').fill('Spare key, safe');
    await trader.press('Register the new key');
    await trader.page.waitForURL(/\/me\/keys\?done=added/);
    await expectProperPage(trader);
    await picture(trader.page, 'me-keys');
    expect(await trader.page.textContent('main')).toContain('Spare key, safe');
  });

  it('ends a session elsewhere, at once', async () => {
    const elsewhere = await visit(world);
    await copyKeys(trader, elsewhere, { signCount: 100 });
    await elsewhere.open('/me');
    await elsewhere.signIn();
    await trader.cdp.send('WebAuthn.clearCredentials', { authenticatorId: trader.authenticatorId });
    await copyKeys(elsewhere, trader, { signCount: 200 });
    await trader.open('/me/sessions');
    await picture(trader.page, 'me-sessions');
    await trader.open('/me/sessions/others');
    await expectProperPage(trader);
    await trader.page.locator('form[data-webauthn] button').click();
    await trader.page.waitForURL(/\/me\/sessions\?done=/);
    await elsewhere.open('/me');
    await elsewhere.page.waitForURL(/\/sign-in\//);
    await elsewhere.close();
  });
});
