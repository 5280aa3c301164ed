import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { components, findComponent, freePort, openBrowser } from '@countersign/testkit';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CodeFlowWorld, createCodeFlowWorld } from '../testing/code-flow-world.ts';

const chromium = findComponent(components.chromium);
/** Directory for screenshots of the pages, if any. */
const shots = process.env['COUNTERSIGN_SHOTS'];

describe.skipIf(!chromium.found)(
  `the consent page in a browser${chromium.found ? '' : ` (skipped: ${chromium.reason})`}`,
  () => {
    let world: CodeFlowWorld;
    let browser: Browser;
    let client: Server;
    let redirectUri = '';
    let origin = '';

    beforeAll(async () => {
      const port = await freePort();
      origin = `http://127.0.0.1:${port}`;
      world = await createCodeFlowWorld({ issuer: origin, clock: { now: () => Date.now(), advance: () => undefined } });
      await world.app.listen({ host: '127.0.0.1', port });
      client = createServer((_request, response) => response.end('back at the client'));
      await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
      redirectUri = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
      world.world.changeClient('trading-desk', { redirectUris: [redirectUri], name: 'Meridian Order Desk' });
      const opened = await openBrowser();
      if (opened.browser === undefined) throw new Error(opened.reason);
      browser = opened.browser;
    });
    afterAll(async () => {
      await browser.close();
      await new Promise((resolve) => client.close(resolve));
      await world.close();
    });

    const request = (orders = 1) =>
      world.deskRequest({
        redirect_uri: redirectUri,
        scope: 'openid offline_access order:create order:read',
        authorization_details: JSON.stringify(
          Array.from({ length: orders }, (_, index) =>
            world.order({
              not_after: new Date(Date.now() + 3_600_000).toISOString(),
              idempotency_key: `order-000${index}`,
              limit_price: { amount: '149.5', ccy: 'EUR' },
              side: index === 0 ? 'BUY' : 'SELL',
            }),
          ),
        ),
      });

    /** From the arrival through the sign-in to the consent page. */
    async function openConsent(options: BrowserContextOptions = {}, orders = 1): Promise<Page> {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const uri = await world.pushed('trading-desk', request(orders));
      await page.goto(origin + world.authorizeUrl('trading-desk', uri));
      await page.getByRole('radio', { name: /anna\.keller/ }).check();
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: /Allow Meridian Order Desk/ }).waitFor();
      return page;
    }
    const shot = async (page: Page, name: string): Promise<void> => {
      if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    };

    it('works without JavaScript and returns to the client with a code', async () => {
      const page = await openConsent({ javaScriptEnabled: false });
      await shot(page, 'consent-light');
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.waitForURL(`${redirectUri}?**`);
      const answer = Object.fromEntries(new URL(page.url()).searchParams);
      expect(answer).toEqual({ code: expect.stringMatching(/^[\w-]{43}$/), state: 'state-1', iss: origin });
      await page.context().close();
    });

    it('can be completed by keyboard alone', async () => {
      const page = await openConsent();
      const reached: string[] = [];
      for (let presses = 0; presses < 10; presses++) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate('document.activeElement.textContent.trim()');
        reached.push(String(focused));
        if (focused === 'Refuse') break;
      }
      expect(reached).toEqual(['Skip to the content', 'Countersign', 'Allow', 'Refuse']);
      await shot(page, 'consent-focus');
      await page.keyboard.press('Enter');
      await page.waitForURL(`${redirectUri}?**`);
      expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
      await page.context().close();
    });

    it('fits a phone in light and dark mode and hides nothing of the request', async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await openConsent({ viewport: { width: 320, height: 640 }, colorScheme, isMobile: true }, 2);
        const { overflow, clipped } = await page.evaluate<{ overflow: number; clipped: number }>(`({
          overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          clipped: [...document.querySelectorAll('dd, dt, li, p, h1, h2, h3, button')]
            .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0).length,
        })`);
        expect({ overflow, clipped }).toEqual({ overflow: 0, clipped: 0 });
        for (const name of ['Allow', 'Refuse']) {
          const box = await page.getByRole('button', { name, exact: true }).boundingBox();
          expect(box?.height).toBeGreaterThanOrEqual(44);
        }
        await shot(page, `consent-phone-${colorScheme}`);
        await page.context().close();
      }
      const dark = await openConsent({ colorScheme: 'dark' });
      await shot(dark, 'consent-dark');
      await dark.context().close();
    });

    it('runs no script, makes no request to another origin, and cannot be framed', async () => {
      const page = await openConsent();
      const asked: string[] = [];
      page.on('request', (made) => asked.push(new URL(made.url()).origin));
      const problems: string[] = [];
      page.on('console', (message) => problems.push(message.text()));
      await page.reload();
      expect([...new Set(asked)]).toEqual([origin]);
      expect(problems).toEqual([]);
      expect(await page.locator('script').count()).toBe(0);
      const framed = await page.context().newPage();
      await framed.setContent(`<iframe src="${page.url()}"></iframe>`);
      await framed.waitForTimeout(500);
      expect(await framed.frameLocator('iframe').getByRole('button', { name: 'Allow' }).count()).toBe(0);
      await page.context().close();
    });

    it('records one decision for a double click', async () => {
      const page = await openConsent();
      const before = world.audit.records.length;
      await page.getByRole('button', { name: 'Allow', exact: true }).dblclick();
      // The second click may abort the navigation of the first; the browser arrives either way.
      await expect.poll(() => page.url(), { timeout: 30_000 }).toContain(`${redirectUri}?`);
      await page.waitForLoadState();
      expect(new URL(page.url()).searchParams.get('code')).toMatch(/^[\w-]{43}$/);
      expect(world.audit.records.slice(before).map(({ type }) => type)).toEqual([
        'consent.given',
        'authorization.granted',
      ]);
      const { href } = new URL(page.url());
      // The page is not cached, so going back requests it again, and the request has already been decided.
      await page.goBack().catch(() => undefined);
      await page.waitForURL(href);
      expect(world.audit.records.length - before).toBe(2);
      await page.context().close();
    });

    it('redirects to the client after the sign-in if no consent is needed', async () => {
      const dashboard = new URL(redirectUri);
      world.world.changeClient('dashboard', { redirectUris: [dashboard.href], name: 'Positions' });
      const parameters = {
        client_id: 'dashboard',
        redirect_uri: dashboard.href,
        scope: 'openid',
        resource: undefined,
        authorization_details: undefined,
      };
      const url = `${origin}/authorize?${world.form(world.deskRequest(parameters))}`;
      for (const asked of [true, false]) {
        const context = await browser.newContext();
        const page = await context.newPage();
        await page.goto(url);
        await page.getByRole('radio', { name: /anna\.keller/ }).check();
        await page.getByRole('button', { name: 'Sign in' }).click();
        if (asked) {
          await shot(page, 'consent-relying-party');
          await page.getByRole('button', { name: 'Allow', exact: true }).click();
        }
        await page.waitForURL(`${redirectUri}?**`);
        expect(new URL(page.url()).searchParams.get('code')).toMatch(/^[\w-]{43}$/);
        await context.close();
      }
    });

    it('explains errors in plain words', async () => {
      const page = await browser.newPage();
      await page.goto(`${origin}/authorize?client_id=trading-desk&request_uri=urn:ietf:params:oauth:request_uri:x`);
      expect(await page.getByText('request_uri_unknown').count()).toBe(1);
      await shot(page, 'authorize-error');
      await page.close();
    });
  },
);
