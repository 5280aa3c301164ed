import {
  createHttpServer,
  createMetrics,
  html,
  page as pageOf,
  pageRoutes,
  readForm,
  sendPage,
} from '@countersign/runtime';
import {
  codeOf,
  components,
  contrastsOfText,
  createOpenGuard,
  findComponent,
  freePort,
  openBrowser,
  takePicture,
} from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devicePages, devicesRoutes, type RunningDevices } from './index.ts';
import { anna, annas, shared } from './testing/device-directory.ts';
import { createDeviceWorld, type DeviceWorld, manager } from './testing/device-world.ts';

const chromium = findComponent(components.chromium);
const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;
type Browser = NonNullable<Awaited<ReturnType<typeof openBrowser>>['browser']>;

describe.skipIf(!chromium.found)(`a device key in a browser${skipped}`, () => {
  let world: DeviceWorld;
  let node: RunningDevices;
  let app: FastifyInstance;
  let browser: Browser;
  let origin: string;
  /** The values that the sign-in form submitted. */
  const brought: (string | undefined)[] = [];

  beforeAll(async () => {
    const opened = await openBrowser();
    if (opened.browser === undefined) throw new Error(opened.reason);
    browser = opened.browser;
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    world = await createDeviceWorld();
    node = await world.node({ issuer: origin });
    const { directory, logger } = world;
    app = createHttpServer({ logger, metrics: createMetrics() });
    pageRoutes(app);
    devicesRoutes(app, { devices: node, guard: createOpenGuard(), baseUrl: origin });
    devicePages(app, { devices: node, directory, logger });
    // As a sign-in page uses it.
    app.get('/sign-in', (_request, reply) => {
      const { script, challenge } = node.proof;
      const body = html`<h1>Sign in</h1><form method="post" action="/sign-in">
<input type="hidden" name="device" value="" data-device-challenge="${challenge('a page')}"><button name="action" value="go">Go</button></form>`;
      return sendPage(reply, 200, pageOf({ title: 'Sign in', body, scripts: [script] }), { script: true });
    });
    app.post('/sign-in', (request, reply) => {
      const fields = readForm(request.body);
      brought.push(fields.get('action') === 'go' ? fields.get('device') : undefined);
      return sendPage(reply, 200, pageOf({ title: 'Done', body: html`<h1>Done</h1>` }));
    });
    await app.listen({ host: '127.0.0.1', port });
  });
  afterAll(async () => {
    await browser?.close();
    await app?.close();
    await world?.close();
  });

  async function opened(options: Parameters<Browser['newPage']>[0] = {}) {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    return { page, complaints };
  }
  /** A person who leaves before the page confirms may leave without the key. */
  async function enrolled(page: Awaited<ReturnType<typeof opened>>['page']): Promise<void> {
    await page.getByRole('heading', { name: 'Browser enrolled' }).waitFor();
    await page.getByText('You can close this page.').waitFor();
  }
  const done = (page: Awaited<ReturnType<typeof opened>>['page']) =>
    page.getByRole('heading', { level: 1, name: 'Done' }).waitFor();

  it('is created in the browser, identifies the device, and cannot be exported', async () => {
    const { page, complaints } = await opened();
    const { path } = await node.enrolment.open(annas.id, manager);
    await page.goto(origin + path);
    await takePicture(page, 'device-enrol');
    await page.getByRole('button', { name: 'Enrol this browser' }).click();
    await enrolled(page);
    expect(await node.of(anna.id)).toMatchObject([{ enrolled: 'key' }]);

    await page.goto(`${origin}/sign-in`);
    await page.getByRole('button', { name: 'Go' }).click();
    await done(page);
    expect(await node.recognise({ about: 'a page', proof: brought.at(-1) })).toEqual({ id: annas.id, by: 'key' });
    expect(await codeOf(node.recognise({ about: 'another page', proof: brought.at(-1) }))).toBe('device_proof_wrong');

    const extracted = await page.evaluate<string>(`new Promise((resolve) => {
      indexedDB.open('countersign-device', 1).onsuccess = ({ target }) => {
        target.result.transaction('keys').objectStore('keys').get('current').onsuccess = (event) =>
          crypto.subtle.exportKey('jwk', event.target.result.key).then(() => resolve('taken'), (error) => resolve(error.name));
      };
    })`);
    expect(extracted).toBe('InvalidAccessError');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('delays a form that is submitted at once, keeping the button that submitted it', async () => {
    const { page } = await opened();
    const { path } = await node.enrolment.open(shared.id, manager);
    await page.goto(origin + path);
    await page.getByRole('button', { name: 'Enrol this browser' }).click();
    await enrolled(page);
    // The page itself submits the form, before the key database can have answered.
    await page.addInitScript(
      "addEventListener('DOMContentLoaded', () => document.querySelector('form button')?.click())",
    );
    await page.goto(`${origin}/sign-in`);
    await done(page);
    expect(await node.recognise({ about: 'a page', proof: brought.at(-1) })).toMatchObject({ id: shared.id });
    await page.context().close();
  });

  it('does not exist in a browser that was not enrolled, which then proves nothing', async () => {
    const { page, complaints } = await opened();
    await page.goto(`${origin}/sign-in`);
    await page.getByRole('button', { name: 'Go' }).click();
    await done(page);
    expect(brought.at(-1)).toBe('');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is not stored when it was refused', async () => {
    const { page } = await opened();
    const { path } = await node.enrolment.open(shared.id, manager);
    await page.goto(origin + path);
    await node.enrolment.open(shared.id, manager);
    await page.getByRole('button', { name: 'Enrol this browser' }).click();
    await page.getByText('enrolment_unknown').waitFor();
    await page.goto(`${origin}/sign-in`);
    await page.getByRole('button', { name: 'Go' }).click();
    await done(page);
    expect(brought.at(-1)).toBe('');
    await page.context().close();
  });

  it('is reported as not stored when the browser does not store it', async () => {
    const { page } = await opened();
    const { path } = await node.enrolment.open(shared.id, manager);
    await page.goto(origin + path);
    // Some browsers clear their data, or run out of space, between the two pages.
    await page.addInitScript("indexedDB.deleteDatabase('countersign-device')");
    await page.getByRole('button', { name: 'Enrol this browser' }).click();
    await page.getByRole('alert').getByText('device_key_not_kept').waitFor();
    expect(await page.getByText('You can close this page.').count()).toBe(0);
    await page.context().close();
  });

  it('is requested on an accessible page: one heading, contrast, small screens, keyboard', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await opened({ colorScheme, viewport: { width: 320, height: 640 } });
      const { path } = await node.enrolment.open(shared.id, manager);
      await page.goto(origin + path);
      expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
      for (const { text, contrast } of await contrastsOfText(page))
        expect(contrast, `${colorScheme}: ${text}`).toBeGreaterThanOrEqual(4.5);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(320);
      await takePicture(page, `device-enrol-${colorScheme}-phone`);
      await page.getByRole('button', { name: 'Enrol this browser' }).press('Enter');
      await enrolled(page);
      await page.context().close();
    }
  });
});
