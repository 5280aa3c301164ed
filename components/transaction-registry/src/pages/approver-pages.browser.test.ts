import { createPrivateKey } from 'node:crypto';
import { components, findComponent, freePort, openBrowser, seriousFindings } from '@countersign/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApproverPagesWorld, createApproverPagesWorld } from '../testing/approver-pages-world.ts';
import { olga, oscar } from '../testing/approving-world.ts';

const chromium = findComponent(components.chromium);
const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;
/** Directory for screenshots of the pages, if set. */
const pictures = process.env['COUNTERSIGN_SCREENSHOTS'];

describe.skipIf(!chromium.found)(`the pages of approvers in a browser${skipped}`, () => {
  let world: ApproverPagesWorld;
  let browser: Browser;
  let origin: string;

  beforeAll(async () => {
    const opened = await openBrowser();
    if (opened.browser === undefined) throw new Error(opened.reason);
    browser = opened.browser;
    const port = await freePort();
    origin = `http://localhost:${port}`;
    world = await createApproverPagesWorld({ origin });
    await world.app.listen({ host: 'localhost', port });
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  /** Olga's browser, optionally with her registered security key. */
  async function opened(
    options: { readonly colorScheme?: 'light' | 'dark'; readonly width?: number; readonly locale?: string } = {},
    withKey = true,
  ): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
    const { colorScheme = 'light', width = 1024, locale = 'en-GB' } = options;
    const context = await browser.newContext({ colorScheme, locale, viewport: { width, height: 900 } });
    await context.addCookies([{ name: 'signed-in', value: 'person:olga/approval', url: origin }]);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    if (!withKey) return { page, complaints };
    const { device } = await world.enrol(olga);
    const [saved] = device.save();
    if (saved === undefined) throw new Error('nothing was enrolled');
    const key = createPrivateKey({ key: { ...saved.key }, format: 'jwk' });
    const session = await context.newCDPSession(page);
    await session.send('WebAuthn.enable');
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await session.send('WebAuthn.addCredential', {
      authenticatorId,
      credential: {
        credentialId: base64(saved.credentialId),
        isResidentCredential: true,
        rpId: saved.rpId,
        userHandle: base64(saved.userHandle),
        privateKey: key.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
        signCount: 10,
      },
    });
    return { page, complaints };
  }
  const picture = async (page: Page, name: string) => {
    if (pictures !== undefined) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  };

  it('let an intent be found, read and approved with keyboard and security key alone', async () => {
    const change = await world.begin('privileged_admin', { operation: 'policy.by-keyboard' });
    const { page, complaints } = await opened();
    await page.goto(`${origin}/approve`);
    await page.getByRole('link', { name: /policy\.by-keyboard/ }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/approve/${change.id}`);
    await picture(page, 'approve-intent');
    await page.getByRole('button', { name: 'Approve and sign' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('You have approved this transaction').waitFor();
    await picture(page, 'approve-approved');
    expect((await world.registry.facts(change.id))?.approvals).toHaveLength(1);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('let several be selected, reviewed together, and approved by one touch', async () => {
    const targets = [];
    for (const operation of ['policy.batch-1', 'policy.batch-2'])
      targets.push(await world.begin('privileged_admin', { operation }));
    const { page, complaints } = await opened();
    await page.goto(`${origin}/approve`);
    for (const operation of ['policy.batch-1', 'policy.batch-2'])
      await page.getByRole('checkbox', { name: new RegExp(operation.replace('.', '\\.')) }).check();
    await picture(page, 'approve-list');
    await page.getByRole('button', { name: 'Review selected' }).click();
    await picture(page, 'approve-batch');
    await page.getByRole('button', { name: 'Approve all 2 and sign' }).click();
    await page.getByRole('heading', { name: 'You have approved 2 transactions' }).waitFor();
    for (const { id } of targets) expect((await world.registry.facts(id))?.approvals).toHaveLength(1);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('say beside the button that the key did not answer, and approve nothing', async () => {
    const change = await world.begin('privileged_admin');
    const { page } = await opened();
    await world.enrol(oscar);
    await page.goto(`${origin}/approve/${change.id}`);
    const context = await page.context().newCDPSession(page);
    await page.evaluate("navigator.credentials.get = () => Promise.reject(new DOMException('no', 'NotAllowedError'))");
    await page.getByRole('button', { name: 'Approve and sign' }).click();
    await page.getByText('ceremony_cancelled').waitFor();
    expect(page.url()).toBe(`${origin}/approve/${change.id}`);
    expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
    await context.detach();
    await page.context().close();
  });

  it.each([
    ['light', 'en-GB', 1024],
    ['dark', 'de-DE', 320],
  ] as const)(
    'have no serious finding of an accessibility checker, in %s, %s, %d pixels wide',
    async (colorScheme, locale, width) => {
      const { page } = await opened({ colorScheme, locale, width });
      const [one, other] = [await world.begin('withdrawal'), await world.begin('privileged_admin')];
      const paths = [
        '/approve',
        `/approve/${one.id}`,
        `/approve/${other.id}`,
        `/approve/batch?txn=${one.id}&txn=${other.id}`,
        '/approve/batch',
      ];
      for (const path of paths) {
        await page.goto(origin + path);
        await page.locator('details').evaluateAll((all) => {
          for (const each of all) each.setAttribute('open', '');
        });
        expect([path, await seriousFindings(page)]).toEqual([path, []]);
        expect([path, await page.evaluate<number>('document.documentElement.scrollWidth')]).toEqual([path, width]);
        await picture(page, `approve-${colorScheme}${path.replaceAll(/\W+/g, '-').slice(0, 20)}`);
      }
      await page.context().close();
    },
  );
});

function base64(base64Url: string): string {
  return Buffer.from(base64Url, 'base64url').toString('base64');
}
