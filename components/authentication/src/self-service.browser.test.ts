import type { PersonSignal } from '@countersign/contracts';
import {
  components,
  findComponent,
  freePort,
  openBrowser,
  seriousFindings,
  takePicture,
  virtualKeys,
} from '@countersign/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SelfServiceSources } from './index.ts';
import { anna, bank, broker } from './testing/people.ts';
import { createSelfServiceWorld, type SelfServiceWorld } from './testing/self-service-world.ts';
import { begin, type SignInNode } from './testing/sign-in-world.ts';

const chromium = findComponent(components.chromium);
const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;
const when = '2026-11-21T08:00:00.000Z';

describe.skipIf(!chromium.found)(`one’s own account in a browser${skipped}`, () => {
  let world: SelfServiceWorld;
  let node: SignInNode;
  let browser: Browser;
  let origin: string;
  let signals: readonly PersonSignal[] = [];

  const sources: SelfServiceSources = {
    signals: { of: () => signals },
    devicesOf: async () => [
      {
        id: 'device:laptop-frankfurt-0471',
        enrolled: 'key',
        posture: { posture: 'compliant', postureAt: when, source: 'edr', failed: [] },
      },
      {
        id: 'device:phone-22',
        enrolled: 'no',
        posture: { posture: 'failing', postureAt: when, source: 'edr', failed: ['os_patch_level'] },
      },
    ],
    mandatesOf: async () => [
      {
        id: 'man_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
        status: 'active',
        grantor: { lei: bank, role: 'Client' },
        grantee: { lei: broker, role: 'ExecutingBroker' },
        effectiveUntil: '2027-01-01T00:00:00.000Z',
      },
    ],
    grantsOf: async () => [
      {
        id: 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
        client: 'trading-desk' as never,
        scopes: ['order:create', 'order:read', 'market-data:read'] as never,
        details: [],
        givenAt: when,
        expiresAt: '2026-11-22T08:00:00.000Z',
      },
    ],
    activityOf: async () => ({
      entries: [
        {
          id: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c4' as never,
          type: 'session.started',
          time: when,
          address: '192.0.2.7',
          device: 'device:laptop-frankfurt-0471',
        },
        {
          id: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
          type: 'authenticator.registered',
          time: when,
          name: 'blue key',
        },
        {
          id: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c2' as never,
          type: 'token.refused',
          time: when,
          client: 'trading-desk',
          reason: 'step_up_risk',
        },
      ],
      next: '1795248000000',
    }),
  };

  beforeAll(async () => {
    const opened = await openBrowser();
    if (opened.browser === undefined) throw new Error(opened.reason);
    browser = opened.browser;
    world = await createSelfServiceWorld();
    const port = await freePort();
    // An RP id is a domain name: browsers do not accept an IP address.
    origin = `http://localhost:${port}`;
    node = world.node(sources, { issuer: origin, methods: ['webauthn'] });
    await node.app.listen({ host: '127.0.0.1', port });
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  async function opened(colorScheme: 'light' | 'dark', locale = 'en-GB') {
    const context = await browser.newContext({ viewport: { width: 320, height: 800 }, colorScheme, locale });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    const { cdp, add } = await virtualKeys(page);
    return { page, complaints, cdp, addKey: add, authenticatorId: await add() };
  }
  /** Checks width, heading and accessibility of the page, and takes its screenshot. */
  async function checkPage(page: Page, name: string) {
    expect([name, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([name, true]);
    expect([name, await page.locator('h1').count()]).toEqual([name, 1]);
    expect([name, await seriousFindings(page)]).toEqual([name, []]);
    await takePicture(page, name);
  }
  async function signIn(page: Page) {
    await page.goto(origin + (await begin(node, { returnTo: '/me' })));
    await page.getByRole('button', { name: /security key|Sicherheitsschlüssel/ }).click();
    await page.waitForURL('**/me');
  }

  it('keys are added, renamed and removed by keyboard on a narrow screen', { timeout: 120_000 }, async () => {
    const { page, complaints, cdp, addKey, authenticatorId } = await opened('light');
    const { authenticators } = node.authentication;
    const invited = await authenticators.invite({ person: anna.id, evidence: ['file'] }, { id: 'person:office' });
    await page.goto(origin + invited.path);
    await page.getByLabel('Name of the key').fill('blue key');
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByRole('heading', { name: 'Registration complete' }).waitFor();
    await signIn(page);
    signals = ['device-new'];
    await page.reload();
    await checkPage(page, 'me-light');
    for (const [section, name] of [
      ['devices', 'devices'],
      ['mandates', 'mandates'],
      ['permissions', 'permissions'],
      ['activity', 'activity'],
      ['sessions', 'sessions'],
      ['sessions/others', 'sessions-others'],
      ['keys', 'keys'],
    ] as const) {
      await page.goto(`${origin}/me/${section}`);
      await checkPage(page, `me-${name}-light`);
    }

    await page.getByRole('link', { name: 'Add a key' }).press('Enter');
    await page.getByRole('heading', { name: 'Add a key' }).waitFor();
    await checkPage(page, 'me-keys-add-light');
    await page.getByRole('button', { name: 'Confirm' }).press('Enter');
    await page.getByRole('heading', { name: 'Step 2 of 2' }).waitFor();
    await checkPage(page, 'me-keys-new-light');
    // The first key is already registered and is removed; the new one is different.
    const [credential] = (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    const second = await addKey();
    await page.getByLabel('Name of the key').fill('green key');
    await page.getByRole('button', { name: 'Register the new key' }).click();
    await page.getByText('The key has been registered.').waitFor();
    await checkPage(page, 'me-keys-added-light');
    expect((await authenticators.of(anna.id)).map(({ name }) => name).sort()).toEqual(['blue key', 'green key']);
    expect(credential).toBeDefined();

    await page.getByRole('link', { name: 'green key' }).click();
    await page.getByLabel('New name').fill('office key');
    await checkPage(page, 'me-key-light');
    await page.getByRole('button', { name: 'Continue' }).press('Enter');
    await page.getByRole('heading', { name: 'New name' }).waitFor();
    await checkPage(page, 'me-key-rename-light');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('The key has been renamed.').waitFor();

    await page.getByRole('link', { name: 'blue key' }).click();
    await page.getByRole('button', { name: 'Remove this key' }).click();
    // The session depended on the removed key.
    await page.waitForURL('**/sign-in/**');
    await page.getByRole('button', { name: /security key/ }).click();
    await page.waitForURL('**/me/keys?after=sign-in');
    expect(await authenticators.of(anna.id)).toMatchObject([{ name: 'office key' }]);
    expect((await cdp.send('WebAuthn.getCredentials', { authenticatorId: second })).credentials).toHaveLength(1);
    expect(complaints).toEqual([]);
  });

  it('is shown in dark mode and in German, and a session in another browser is ended', {
    timeout: 120_000,
  }, async () => {
    const { page, complaints } = await opened('dark', 'de-DE');
    const { authenticators } = node.authentication;
    await authenticators.revokeAllOf(anna.id, { id: 'person:office' }, 'lost');
    const invited = await authenticators.invite(
      { person: anna.id, evidence: ['file'], recovery: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as never },
      { id: 'person:office' },
    );
    await page.goto(origin + invited.path);
    await page.getByRole('button', { name: 'Registrieren' }).click();
    await page.getByRole('heading', { name: 'Registrierung abgeschlossen' }).waitFor();
    await signIn(page);
    // As if it were another browser.
    await page.context().clearCookies();
    await signIn(page);
    signals = ['impossible-travel'];
    await page.goto(`${origin}/me`);
    await checkPage(page, 'me-dark');
    for (const section of ['keys', 'activity', 'devices']) {
      await page.goto(`${origin}/me/${section}`);
      await checkPage(page, `me-${section}-dark`);
    }
    await page.goto(`${origin}/me/sessions`);
    await checkPage(page, 'me-sessions-dark');
    const before = await node.authentication.sessionsOf(anna.id);
    expect(before.length).toBeGreaterThanOrEqual(2);
    await page.getByRole('link', { name: 'Alle anderen Sitzungen beenden' }).click();
    await checkPage(page, 'me-sessions-others-dark');
    await page.getByRole('button', { name: 'Alle anderen Sitzungen beenden' }).click();
    await page.getByText('Alle anderen Sitzungen wurden beendet.').waitFor();
    expect(await node.authentication.sessionsOf(anna.id)).toHaveLength(1);
    expect(complaints).toEqual([]);
  });
});
