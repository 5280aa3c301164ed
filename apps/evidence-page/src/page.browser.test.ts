import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { parseTrust, verificationReportOf, verifyBundle } from '@countersign/evidence';
import { sha256 } from '@countersign/kernel';
import { components, contrastsOfText, findComponent, openBrowser } from '@countersign/testkit';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAuthenticator } from '../../../protocols/evidence/src/testing/order-story.ts';
import { hostilePlot, type ReportedBundle, reportBundle } from './testing/told-bundles.ts';

const chromium = findComponent(components.chromium);
/** Directory for screenshots of the page, if any. */
const shots = process.env['COUNTERSIGN_SHOTS'];
const builder = fileURLToPath(new URL('../../../scripts/build-evidence-page.mjs', import.meta.url));

describe.skipIf(!chromium.found)(
  `the page that verifies evidence${chromium.found ? '' : ` (skipped: ${chromium.reason})`}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-page-'));
    const file = join(folder, 'verify.html');
    let browser: Browser;
    let told: ReportedBundle;

    beforeAll(async () => {
      await promisify(execFile)(process.execPath, [builder, file]);
      told = await reportBundle();
      const opened = await openBrowser();
      if (opened.browser === undefined) throw new Error(opened.reason);
      browser = opened.browser;
    });
    afterAll(async () => {
      await browser?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    interface Visit {
      readonly page: Page;
      /** Requests that the page made, besides itself. */
      readonly requests: string[];
      /** Errors, and requests blocked by its own policy. */
      readonly complaints: string[];
    }

    async function visit(options: BrowserContextOptions = {}): Promise<Visit> {
      const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, ...options });
      const page = await context.newPage();
      const requests: string[] = [];
      const complaints: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(pathToFileURL(file).href);
      requests.length = 0;
      return { page, requests, complaints };
    }

    const asFile = (name: string, document: unknown) => ({
      name,
      mimeType: 'application/json',
      buffer: Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
    });

    async function give(page: Page, bundle: unknown, trust?: object): Promise<void> {
      if (trust !== undefined) await page.getByLabel('a trust file').setInputFiles(asFile('trust.json', trust));
      await page.getByLabel('Choose a bundle').setInputFiles(asFile('order.evidence.json', bundle));
    }

    const verdict = (page: Page) => page.locator('#verdict');

    /** The report that the page offers to save. */
    async function savedReport(page: Page): Promise<unknown> {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save report for programs' }).click(),
      ]);
      return JSON.parse(readFileSync(await download.path(), 'utf8'));
    }

    /** The command line's report about the same file. */
    function reportHere(bundle: unknown, trustFile: object = {}): unknown {
      const parsed = parseTrust(trustFile);
      if (!parsed.ok) throw new Error(parsed.problem);
      const text = JSON.stringify(bundle);
      const verification = verifyBundle(JSON.parse(text), { trust: parsed.trust });
      return JSON.parse(
        JSON.stringify(verificationReportOf(JSON.parse(text), verification, sha256(text).toString('hex'))),
      );
    }

    it('verifies a bundle with the reader’s inputs, and makes no requests', async () => {
      const { page, requests, complaints } = await visit();
      await give(page, told.bundle, told.trust);
      await verdict(page).waitFor();
      expect(await verdict(page).textContent()).toBe('Verified');
      expect(await savedReport(page)).toEqual(reportHere(told.bundle, told.trust));
      expect(requests.filter((url) => !url.startsWith('blob:'))).toEqual([]);
      expect(complaints).toEqual([]);
    });

    it('says that a bundle without a reader’s key proves nothing yet', async () => {
      const { page } = await visit();
      await give(page, told.bundle);
      await verdict(page).waitFor();
      expect(await verdict(page).textContent()).toBe('Consistent, not anchored');
      await page.getByLabel("The log's verifier key").fill(told.trust.logVerifierKey);
      await page.getByLabel('A checkpoint you kept').fill(told.trust.checkpoint.trim());
      await page.getByLabel('A witness policy').fill(told.trust.policy);
      await page.getByLabel('A witness policy').blur();
      await page.getByRole('heading', { name: 'Verified', exact: true }).waitFor();
    });

    it('gives the same report as the command line, whatever is wrong with the bundle', {
      timeout: 120_000,
    }, async () => {
      const { page, complaints } = await visit();
      const text = JSON.stringify(told.bundle);
      const { disclosures = [], timeStamps = [], ...bare } = told.bundle;
      const variants: unknown[] = [
        { ...bare, format: 'countersign-evidence-bundle/3' },
        'no bundle',
        { ...told.bundle, disclosures: [] },
        { ...told.bundle, disclosures: disclosures.map((each) => ({ ...each, text: '{}' })) },
        { ...told.bundle, records: told.bundle.records.slice(1) },
        { ...told.bundle, timeStamps: timeStamps.map((stamp) => ({ ...stamp, checkpoint: told.trust.checkpoint })) },
        ...timeStamps.map(({ token }, at) => ({
          ...told.bundle,
          timeStamps: timeStamps.map((stamp, index) => (index === at ? { ...stamp, token: flipped(token) } : stamp)),
        })),
      ];
      for (let position = 97; position < text.length; position += Math.floor(text.length / 12)) {
        const changed = text.slice(0, position) + (text[position] === 'A' ? 'B' : 'A') + text.slice(position + 1);
        try {
          variants.push(JSON.parse(changed));
        } catch {
          // No longer JSON, which the next test covers.
        }
      }
      expect(variants.length).toBeGreaterThan(15);
      for (const variant of variants) {
        await page.reload();
        await give(page, JSON.stringify(variant), told.trust);
        await verdict(page).waitFor();
        expect(await savedReport(page)).toEqual(reportHere(variant, told.trust));
      }
      expect(complaints).toEqual([]);
    });

    it('verifies approvals by authenticators as the command line does', { timeout: 120_000 }, async () => {
      const { page, complaints } = await visit();
      for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
        const key = newAuthenticator(algorithm);
        for (const behaviour of [{}, { userVerified: false }, { origin: 'https://evil.example' }]) {
          const { bundle, trust } = await reportBundle({ authenticator: { key, behaviour } });
          await page.reload();
          await give(page, bundle, trust);
          await verdict(page).waitFor();
          const report = await savedReport(page);
          expect(report).toEqual(reportHere(bundle, trust));
          expect(await verdict(page).textContent()).toBe(
            Object.keys(behaviour).length === 0 ? 'Verified' : 'Not verified',
          );
        }
      }
      expect(complaints).toEqual([]);
    });

    it('gives no verdict on an unreadable file or with unusable trust', async () => {
      const { page } = await visit();
      await give(page, told.bundle, told.trust);
      await verdict(page).waitFor();
      const trouble = page.getByRole('alert');
      for (const [act, says] of [
        [() => give(page, '{"a":'), 'it is not JSON'],
        [
          () => give(page, JSON.stringify(told.bundle).replace('"records":', '"records":[],"records":')),
          'the same key twice',
        ],
        [() => page.getByLabel('a trust file').setInputFiles(asFile('t.json', { logKey: 'x' })), 'it holds logKey'],
        [() => page.getByLabel('a trust file').setInputFiles([]), undefined],
        [() => page.getByLabel('authorities').setInputFiles(asFile('tsa.pem', 'none')), 'holds no certificate'],
        [() => page.getByLabel('authorities').setInputFiles([]), undefined],
        [
          () =>
            page
              .getByLabel("The log's verifier key")
              .fill('log.example+0+x')
              .then(() => page.keyboard.press('Tab')),
          'verifier key',
        ],
      ] as const) {
        await act();
        if (says === undefined) await trouble.waitFor({ state: 'hidden' });
        else {
          await trouble.filter({ hasText: says }).waitFor();
          expect(await verdict(page).isVisible()).toBe(false);
        }
      }
    });

    it('checks a bundle given together with unusable trust once the trust is corrected', async () => {
      const { page } = await visit();
      const key = page.getByLabel("The log's verifier key");
      await key.fill('no key');
      await give(page, told.bundle);
      await page.getByRole('alert').filter({ hasText: 'cannot be used' }).waitFor();
      await key.fill(told.trust.logVerifierKey);
      await key.blur();
      await verdict(page).waitFor();
      expect(await verdict(page).textContent()).toBe('Verified');
    });

    it('escapes the content of records', async () => {
      const hostile = await reportBundle(hostilePlot());
      const { page, complaints } = await visit();
      await give(page, hostile.bundle, hostile.trust);
      await verdict(page).waitFor();
      expect(await page.title()).toBe('Verify evidence');
      expect(await page.getByText('<script>document.title="owned"</script>').first().isVisible()).toBe(true);
      expect(complaints).toEqual([]);
    });

    it('accepts a dropped bundle', async () => {
      const { page } = await visit();
      const text = JSON.stringify(JSON.stringify(told.bundle));
      const data = await page.evaluateHandle(`(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([${text}], 'order.evidence.json'));
        return transfer;
      })()`);
      await page.dispatchEvent('main', 'drop', { dataTransfer: data });
      await verdict(page).waitFor();
    });

    it('can be used by the keyboard alone, and moves the focus to the verdict', async () => {
      const { page } = await visit();
      const focused: string[] = [];
      for (let step = 0; step < 9; step++) {
        await page.keyboard.press('Tab');
        focused.push(await page.evaluate<string>("document.activeElement?.id ?? ''"));
      }
      expect(focused).toEqual([
        '',
        'bundle',
        '',
        'logVerifierKey',
        'checkpoint',
        'policy',
        'authorities',
        'trust',
        expect.anything(),
      ]);
      await give(page, told.bundle, told.trust);
      await verdict(page).waitFor();
      expect(await page.evaluate('document.activeElement?.id')).toBe('verdict');
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement?.textContent')).toBe('Save report for programs (JSON)');
    });

    it('has a name for every control, and states outcomes in words', async () => {
      const { page } = await visit();
      await give(page, { ...told.bundle, disclosures: [], records: told.bundle.records.slice(1) }, told.trust);
      await verdict(page).waitFor();
      const unnamed = await page.evaluate(`
        [...document.querySelectorAll('input, textarea, button, [tabindex="0"]')]
          .filter((each) => (each.labels?.length ?? 0) === 0 && !each.hasAttribute('aria-label') && each.textContent.trim() === '')
          .map((each) => each.outerHTML)`);
      expect(unnamed).toEqual([]);
      const marks = await page.locator('.mark').allTextContents();
      expect(new Set(marks)).toEqual(new Set(['fails', 'incomplete', 'not checked', 'holds']));
      // Failures come first.
      expect(marks.indexOf('holds')).toBeGreaterThan(marks.lastIndexOf('fails'));
      const headings = await page.evaluate<string[]>(
        "[...document.querySelectorAll('h1, h2')].map((each) => each.tagName)",
      );
      expect(headings[0]).toBe('H1');
      expect(headings.filter((tag) => tag === 'H1')).toHaveLength(1);
    });

    it.each(['light', 'dark'] as const)('is readable in %s and on a phone', async (colorScheme) => {
      const states = [
        ['verified', told.bundle, told.trust],
        ['incomplete', { ...told.bundle, disclosures: [] }, told.trust],
        ['unanchored', told.bundle, undefined],
        ['failed', { ...told.bundle, records: told.bundle.records.slice(1) }, told.trust],
      ] as const;
      for (const [name, bundle, trust] of states) {
        const { page } = await visit({ colorScheme });
        await give(page, bundle, trust);
        await verdict(page).waitFor();
        const weak = (await contrastsOfText(page)).filter(({ contrast }) => contrast < 4.5);
        expect(weak, name).toEqual([]);
        if (shots !== undefined)
          await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`), fullPage: true });
        await page.context().close();
      }
      const { page } = await visit({ colorScheme, viewport: { width: 360, height: 720 } });
      await give(page, told.bundle, told.trust);
      await verdict(page).waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      if (shots !== undefined) await page.screenshot({ path: join(shots, `phone-${colorScheme}.png`), fullPage: true });
    });

    it('saves a report for readers that needs neither scripts nor network', async () => {
      const { page } = await visit();
      await give(page, told.bundle, told.trust);
      await verdict(page).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save report for people' }).click(),
      ]);
      const html = readFileSync(await download.path(), 'utf8');
      expect(html).toContain(told.bundle.transaction);
      expect(html).not.toContain('<script');
    });

    it('is one file: it loads no address, and runs nothing else', () => {
      const html = readFileSync(file, 'utf8');
      expect(html).toMatch(
        /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-/,
      );
      expect(html).not.toMatch(/<(?:link|img|iframe|object|embed)\b|<script[^>]* src|@import|url\(/);
      // A page with a changed script does not run it.
      writeFileSync(join(folder, 'changed.html'), html.replace('<script>', '<script>0;'));
    });

    it('does not run when its script was changed', async () => {
      const { page } = await visit();
      await page.goto(pathToFileURL(join(folder, 'changed.html')).href);
      await page.getByLabel('Choose a bundle').setInputFiles(asFile('order.evidence.json', told.bundle));
      await page.waitForTimeout(200);
      expect(await page.locator('#chosen').textContent()).toBe('');
    });
  },
);

function flipped(token: string): string {
  const octets = Buffer.from(token, 'base64url');
  const at = octets.length - 20;
  octets[at] = (octets[at] ?? 0) ^ 1;
  return octets.toString('base64url');
}
