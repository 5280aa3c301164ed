import {
  ceremonyAttributes,
  ceremonyButton,
  ceremonyFields,
  page as drawPage,
  html,
  readForm,
  sendPage,
} from '@countersign/runtime';
import { components, findComponent, freePort, openBrowser, takePicture, virtualKeys } from '@countersign/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anna, ben, chloe } from './testing/people.ts';
import { begin, createSignInWorld, type SignInNode, type SignInWorld } from './testing/sign-in-world.ts';

const chromium = findComponent(components.chromium);
const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;

describe.skipIf(!chromium.found)(`security keys and passkeys in a browser${skipped}`, () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: Browser;
  let origin: string;

  beforeAll(async () => {
    const opened = await openBrowser();
    if (opened.browser === undefined) throw new Error(opened.reason);
    browser = opened.browser;
    world = await createSignInWorld();
    const port = await freePort();
    // An RP id is a domain name: browsers do not accept an IP address.
    origin = `http://localhost:${port}`;
    node = world.node({ issuer: origin, methods: ['webauthn'] });
    node.app.get('/who', async (request, reply) => {
      const person = (await node.authentication.current(request.headers.cookie))?.person ?? 'nobody';
      // With an icon, so that the browser requests none.
      return reply.type('text/html').send(`<link rel="icon" href="data:,">${person}`);
    });
    const { authenticators } = node.authentication;
    const asked = (decision: string) => {
      const iat = Math.floor(world.clock.now() / 1000);
      const claims = { typ: 'test+webauthn', iss: chloe.id, iat, exp: iat + 60, jti: `test-${decision}`, decision };
      return authenticators.ask({ person: chloe.id, claims });
    };
    node.app.get('/two-answers', async (_request, reply) => {
      const [approve, reject] = [await asked('approve'), await asked('reject')];
      const body = html`<h1>Two answers</h1><form method="post" action="/two-answers"${ceremonyAttributes('get', approve.options)}>
<input type="hidden" name="handle" value="${approve.handle}">${ceremonyFields()}
<button name="decision" value="approve"${ceremonyButton(approve)}>Approve</button>
<button name="decision" value="reject"${ceremonyButton(reject)}>Reject</button></form>`;
      return sendPage(reply, 200, drawPage({ title: 'Two answers', body, script: true }), {
        script: true,
        secure: false,
      });
    });
    node.app.post('/two-answers', async (request, reply) => {
      const fields = readForm(request.body);
      const { claims } = await authenticators.consume({
        ...{ handle: fields.get('handle'), person: chloe.id, credential: fields.get('credential') },
      });
      const body = html`<h1>${fields.get('decision')} ${claims.jti}</h1>`;
      return sendPage(reply, 200, drawPage({ title: 'Done', body }), { secure: false });
    });
    await node.app.listen({ host: '127.0.0.1', port });
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  async function opened(
    script = true,
    size = { width: 320, height: 900 },
  ): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ javaScriptEnabled: script, viewport: size });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    return { page, complaints };
  }
  async function virtualKey(page: Page, more: object = {}) {
    const { cdp, add } = await virtualKeys(page);
    return { cdp, authenticatorId: await add(more) };
  }
  const invite = async ({ id: person }: typeof anna) =>
    origin +
    (await node.authentication.authenticators.invite({ person, evidence: ['file'] }, { id: 'person:office' })).path;
  const status = (page: Page) => page.locator('[data-ceremony-status]');

  it('are enrolled from a link and used to sign in, by keyboard on a narrow screen', async () => {
    const { page, complaints } = await opened();
    await virtualKey(page);
    await page.goto(await invite(anna));
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await takePicture(page, 'enrolment');
    await page.getByLabel('Name of the key').focus();
    await page.keyboard.type('blue key');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Registration complete' }).waitFor();
    await takePicture(page, 'enrolled');
    expect(await node.authentication.authenticators.of(anna.id)).toMatchObject([{ name: 'blue key', acr: 'phr' }]);

    await page.goto(origin + (await begin(node, { returnTo: '/who' })));
    await takePicture(page, 'sign-in-webauthn');
    expect(await page.content()).not.toContain(anna.id);
    await page.getByRole('button', { name: 'Use security key or passkey' }).press('Enter');
    await page.waitForURL('**/who');
    expect(await page.textContent('body')).toBe(anna.id);
    expect(world.audit.ofType('session.started').at(-1)).toMatchObject({
      subject: { id: anna.id },
      authentication: { method: 'webauthn', acr: 'phr' },
    });
    expect(complaints).toEqual([]);
  });

  it('explain in words and with a code that nothing was confirmed, and let the person try again', async () => {
    const { page } = await opened();
    const { cdp, authenticatorId } = await virtualKey(page);
    await page.goto(await invite(ben));
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await page.getByRole('button', { name: 'Register' }).click();
    await expect.poll(() => status(page).textContent()).toMatch(/\((ceremony_cancelled|authenticator_unfit)\)$/);
    expect(await status(page).getAttribute('aria-live')).toBe('assertive');
    await takePicture(page, 'enrolment-cancelled');
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByRole('heading', { name: 'Registration complete' }).waitFor();
  });

  it('sign one of two answers, each with its own statement', async () => {
    const { page, complaints } = await opened();
    await virtualKey(page);
    await page.goto(await invite(chloe));
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByRole('heading', { name: 'Registration complete' }).waitFor();
    for (const [button, told] of [
      ['Reject', 'reject test-reject'],
      ['Approve', 'approve test-approve'],
    ] as const) {
      await page.goto(`${origin}/two-answers`);
      await page.getByRole('button', { name: button }).click();
      await page.getByRole('heading', { name: told }).waitFor();
    }
    expect(complaints).toEqual([]);
  });

  it('cancel without a ceremony', async () => {
    const { page } = await opened();
    await page.goto(origin + (await begin(node, { returnTo: '/who' })));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForURL('**/who');
    expect(await page.textContent('body')).toBe('nobody');
  });

  it('explain what is missing if scripts are disabled', async () => {
    const { page } = await opened(false);
    await page.goto(origin + (await begin(node, { returnTo: '/who' })));
    expect(await page.locator('noscript').textContent()).toContain('Switch on JavaScript');
    await page.getByRole('button', { name: 'Use security key or passkey' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('credential_unknown');
  });
});
