import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { components, contrastsOfText, findComponent, freePort, openBrowser, takePicture } from '@countersign/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anna, ben } from './testing/people.ts';
import { begin, createSignInWorld, type SignInNode, type SignInWorld } from './testing/sign-in-world.ts';

const chromium = findComponent(components.chromium);
const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;

describe.skipIf(!chromium.found)(`the sign-in page in a browser${skipped}`, () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: Browser;
  let origin: string;
  let bare: { readonly node: SignInNode; readonly origin: string };
  /** The requesting application: another origin, to which the browser returns. */
  const application = createServer((_request, response) => response.end('<h1>Back at the application</h1>'));
  let applicationOrigin: string;

  /** A listening node, because its origin is known only then. */
  async function listening(config: Parameters<SignInWorld['node']>[0] = {}) {
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    const made = world.node({ ...config, issuer });
    made.app.get('/continue', (_request, reply) => reply.redirect(`${applicationOrigin}/callback?code=1`, 303));
    made.app.get(
      '/who',
      async (request) => (await made.authentication.current(request.headers.cookie))?.person ?? 'nobody',
    );
    await made.app.listen({ host: '127.0.0.1', port });
    return { node: made, origin: issuer };
  }

  beforeAll(async () => {
    const opened = await openBrowser();
    if (opened.browser === undefined) throw new Error(opened.reason);
    browser = opened.browser;
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    applicationOrigin = `http://127.0.0.1:${portOf(application.address())}`;
    world = await createSignInWorld();
    ({ node, origin } = await listening());
    bare = await listening({ methods: [] });
  });
  afterAll(async () => {
    await browser?.close();
    application.close();
    await world?.close();
  });

  async function opened(
    scheme: 'light' | 'dark',
    size = { width: 1024, height: 900 },
  ): Promise<{ page: Page; complaints: string[]; requested: Set<string> }> {
    const context = await browser.newContext({ colorScheme: scheme, viewport: size, javaScriptEnabled: false });
    const page = await context.newPage();
    const complaints: string[] = [];
    const requested = new Set<string>();
    page.on('console', (message) => complaints.push(message.text()));
    page.on('request', (request) => requested.add(new URL(request.url()).origin));
    return { page, complaints, requested };
  }
  const beginHere = (clientName = 'Aurora Trading Desk') =>
    begin(node, { returnTo: '/continue', continuesTo: [`${applicationOrigin}/callback`], clientName });
  const background = (page: Page) =>
    page.evaluate<string>("getComputedStyle(document.querySelector('.panel')).backgroundColor");

  for (const scheme of ['light', 'dark'] as const)
    it(`signs a person in by keyboard alone, in ${scheme}, and returns to the application`, async () => {
      const { page, complaints, requested } = await opened(scheme);
      await page.goto(origin + (await beginHere()));
      await takePicture(page, `sign-in-${scheme}`);
      expect(await background(page)).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(22, 30, 41)');

      await page.keyboard.press('Tab');
      expect(await focused(page)).toMatchObject({ text: 'Skip to the content' });
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      expect(await focused(page)).toMatchObject({ name: 'find' });
      await page.keyboard.type('rates');
      await page.keyboard.press('Enter');
      await page.waitForURL(/find=rates/);
      expect(await page.getByRole('radio').count()).toBe(2);

      while ((await focused(page)).name !== 'person') await page.keyboard.press('Tab');
      await page.keyboard.press('ArrowDown');
      await takePicture(page, `sign-in-chosen-${scheme}`);
      await page.keyboard.press('Tab');
      const button = await focused(page);
      expect(button).toMatchObject({ name: 'action', text: 'Sign in' });
      expect(Number.parseFloat(button.outlineWidth)).toBeGreaterThanOrEqual(2);
      await page.keyboard.press('Enter');

      await page.waitForURL(`${applicationOrigin}/callback?code=1`);
      expect(complaints).toEqual([]);
      await page.goto(`${origin}/who`);
      expect(await page.locator('body').innerText()).toBe(ben.id);
      expect([...requested].sort()).toEqual([applicationOrigin, origin].sort());
      await page.context().close();
    });

  it('works with a screen reader: one heading, landmarks, and a name for every control', async () => {
    const { page } = await opened('light');
    await page.goto(origin + (await beginHere()));
    expect(await page.getByRole('heading', { level: 1 }).allInnerTexts()).toEqual(['Sign in']);
    for (const landmark of ['banner', 'main', 'contentinfo', 'search'] as const)
      expect(await page.getByRole(landmark).count()).toBe(1);
    expect(await page.getByRole('group', { name: 'Sign in as' }).count()).toBe(1);
    const radio = page.getByRole('radio', { name: /anna\.keller Example Broker AG · desk rates Roles: trader/ });
    expect(await radio.count()).toBe(1);
    expect(await page.getByLabel('Find a person').count()).toBe(1);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.getByRole('button').allInnerTexts()).toEqual(['Filter', 'Sign in', 'Cancel']);
    await page.context().close();
  });

  it('has sufficient text contrast in light and dark mode', async () => {
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await opened(scheme);
      await page.goto(origin + (await beginHere()));
      const contrasts = await contrastsOfText(page);
      expect(contrasts.length).toBeGreaterThan(10);
      for (const { text, contrast } of contrasts) expect(contrast, `${scheme}: ${text}`).toBeGreaterThanOrEqual(4.5);
      await page.context().close();
    }
  });

  it('fits a phone, with nothing wider than the screen and controls large enough to touch', async () => {
    const { page } = await opened('light', { width: 360, height: 740 });
    await page.goto(origin + (await beginHere('An application with a name that is longer than any telephone is wide')));
    await takePicture(page, 'sign-in-phone');
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(360);
    for (const each of await page.locator('button, .choice, input[type=search]').all())
      expect((await each.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await page.context().close();
  });

  it('explains the error on the page of a refused attempt', async () => {
    const { page } = await opened('light');
    await page.goto(origin + (await beginHere()));
    world.directory.remove(anna.id);
    await page.getByRole('radio', { name: /anna/ }).check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await page.getByRole('alert').innerText()).toContain('This person is not in the directory');
    world.directory.add(anna);
    await takePicture(page, 'sign-in-refused');
    await page.context().close();
  });

  it('does not redirect to an address that was not declared for the application: the browser blocks it', async () => {
    const { page, complaints } = await opened('light');
    await page.goto(origin + (await begin(node, { returnTo: '/continue' })));
    await page.getByRole('radio', { name: /anna/ }).check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect.poll(() => complaints.join()).toContain('form-action');
    expect(page.url()).not.toContain(applicationOrigin);
    await page.context().close();
  });

  it('redirects back when the person cancels', async () => {
    const { page } = await opened('light');
    await page.goto(origin + (await beginHere()));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForURL(`${applicationOrigin}/callback?code=1`);
    await page.goto(`${origin}/who`);
    expect(await page.locator('body').innerText()).toBe('nobody');
    await page.context().close();
  });

  it('explains that nobody can sign in, and what is wrong with an unknown address', async () => {
    const { page } = await opened('dark');
    await page.goto(bare.origin + (await begin(bare.node)));
    expect(await page.getByRole('alert').innerText()).toContain('No sign-in method is configured');
    await takePicture(page, 'sign-in-no-method-dark');
    await page.goto(`${origin}/sign-in/${'A'.repeat(43)}`);
    expect(await page.locator('code').innerText()).toBe('sign_in_unknown');
    await takePicture(page, 'sign-in-unknown-dark');
    await page.context().close();
  });

  it('signs out after a confirmation', async () => {
    const { page } = await opened('light');
    await page.goto(origin + (await beginHere()));
    await page.getByRole('radio', { name: /anna/ }).check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${applicationOrigin}/callback?code=1`);
    await page.goto(`${origin}/sign-out`);
    await takePicture(page, 'sign-out');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    await takePicture(page, 'signed-out');
    await page.goto(`${origin}/who`);
    expect(await page.locator('body').innerText()).toBe('nobody');
    await page.context().close();
  });
});

interface Focused {
  readonly name: string | null;
  readonly text: string;
  readonly outlineWidth: string;
}

function focused(page: Page): Promise<Focused> {
  // As text, because it runs in the page.
  return page.evaluate<Focused>(`(() => {
    const element = document.activeElement ?? document.body;
    const { outlineWidth } = getComputedStyle(element);
    return { name: element.getAttribute('name'), text: element.textContent, outlineWidth };
  })()`);
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}
