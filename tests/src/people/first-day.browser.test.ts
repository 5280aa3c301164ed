import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '@countersign/runtime';
import { type ControlPlane, startControlPlane } from '@countersign/server';
import { openBrowser } from '@countersign/testkit';
import { createAttestationAuthority } from '@countersign/webauthn/software-authenticator';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn } from '../testing/control-plane.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';
import { skipped, withoutBrowser } from './testing/chromium.ts';
import { expectProperPage, picture } from './testing/page-checks.ts';
import { type Visitor, visit } from './testing/visitor.ts';

describe.skipIf(withoutBrowser)(`the first day of a person${skipped}`, { timeout: 120_000 }, () => {
  const folder = scratchFolder();
  let controlPlane: ControlPlane;
  let browser: Browser;
  let issuer: string;
  const visitFrom = (options: Parameters<typeof visit>[1] = {}): Promise<Visitor> =>
    visit({ browser, issuer, maker: createAttestationAuthority(), invite: async () => '/try' }, options);

  beforeAll(async () => {
    const configuration = await configurationIn(folder.path);
    ({ issuer } = configuration);
    const keyFile = (name: string) => join(folder.path, name);
    controlPlane = await startControlPlane(configuration, {
      logger: createLogger({ level: 'silent', name: 'test' }),
      unfitRecords: 'throw',
      tryOut: {
        operatorKeyFile: keyFile('operator.jwk'),
        approverKeyFile: keyFile('approver.jwk'),
        complianceKeyFile: keyFile('compliance.jwk'),
      },
    });
    const opened = await openBrowser();
    if (opened.browser === undefined) throw new Error(opened.reason);
    ({ browser } = opened);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await controlPlane?.stop();
    folder.remove();
  });

  it('starts on a page without dead links', async () => {
    const visitor = await visitFrom();
    const { page } = visitor;
    expect(await visitor.open('/')).toBe(200);
    await expectProperPage(visitor);
    await picture(page, 'start-page');
    await picture(page, 'start-page-dark', { colorScheme: 'dark' });
    const paths = await page
      .getByRole('main')
      .getByRole('link')
      .evaluateAll((links) => links.map((link) => String(link.getAttribute('href'))));
    expect(paths).toEqual(
      expect.arrayContaining(['/me', '/approve', '/approvals', '/verify', '/try', '/openapi.json']),
    );
    for (const path of paths)
      expect([path, (await visitor.context.request.get(issuer + path)).status()]).toEqual([path, 200]);
    // With the keyboard only.
    await page.getByRole('link', { name: /^Your account/ }).focus();
    await page.keyboard.press('Enter');
    await visitor.see('Sign in');
    // Every page leads back to it.
    await page.getByRole('banner').getByRole('link', { name: 'Countersign' }).click();
    await page.waitForURL(`${issuer}/`);
    await visitor.close();
  });

  it('shows the start page in German, on a phone', async () => {
    const visitor = await visitFrom({ locale: 'de-DE', width: 360 });
    await visitor.open('/');
    expect(await visitor.page.getAttribute('html', 'lang')).toBe('de');
    await visitor.page.getByRole('heading', { name: 'Für Menschen' }).waitFor();
    await expectProperPage(visitor);
    await visitor.close();
  });

  it('shows the error beside the field of a refused form', async () => {
    const visitor = await visitFrom();
    const { page } = visitor;
    await visitor.open('/');
    await page.getByRole('link', { name: /^Lost security key/ }).click();
    const field = page.getByLabel('Your Countersign ID');
    await field.fill('Anna Keller');
    await page.keyboard.press('Enter');
    await page.locator('#person-problem').waitFor();
    expect(await field.inputValue()).toBe('Anna Keller');
    expect(await field.evaluate((input) => input === input.ownerDocument.activeElement)).toBe(true);
    await expectProperPage(visitor);
    await picture(page, 'form-refused');
    await picture(page, 'form-refused-dark', { colorScheme: 'dark' });
    await field.fill('anna.keller');
    await page.keyboard.press('Enter');
    await visitor.see('Thank you');
    await expectProperPage(visitor);
    await page.getByRole('link', { name: 'Go to the start page' }).click();
    await page.waitForURL(`${issuer}/`);
    await visitor.close();
  });

  it('continues after a cancelled sign-in with a page that leads on', async () => {
    const visitor = await visitFrom();
    const { page } = visitor;
    await visitor.open('/me/keys');
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.getByText('You did not sign in').waitFor();
    expect(await visitor.refusal()).toBe('sign_in_abandoned');
    await expectProperPage(visitor);
    await picture(page, 'sign-in-cancelled');
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await visitor.see('Sign in');
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.getByRole('link', { name: 'Go to the start page' }).click();
    await page.waitForURL(`${issuer}/`);
    await visitor.close();
  });

  it('ends with evidence that can be downloaded and verified without the server', async () => {
    const visitor = await visitFrom();
    const { page, context } = visitor;
    await visitor.open('/try');
    const beside = context.waitForEvent('page');
    await visitor.press('Register a key');
    const enrolment = await beside;
    await enrolment.waitForURL('**/enrol/**');
    const invitation = enrolment.url();
    await enrolment.close();
    await visitor.open(invitation);
    await visitor.press('Register');
    await visitor.see('Registration complete');
    // Registering a key is no dead end.
    await page.getByRole('main').getByRole('link', { name: 'Your account' }).waitFor();
    await visitor.open('/try');
    await visitor.press('Place the order and open it');
    await visitor.signIn();
    await visitor.press('Approve and sign');
    await page.getByText('You have approved this').waitFor();
    await page.getByRole('link', { name: 'View the evidence' }).click();
    await visitor.see('Evidence of the order');
    await expectProperPage(visitor);
    await picture(page, 'try-evidence');
    await picture(page, 'try-evidence-dark', { colorScheme: 'dark' });
    const shown = await page.textContent('article');
    for (const each of ['Verified: every check holds', 'with the signature of your key', 'approval.given'])
      expect(shown).toContain(each);

    const files: string[] = [];
    for (const name of ['Download the evidence bundle', 'Download the trust file']) {
      const download = page.waitForEvent('download');
      await page.getByRole('link', { name }).click();
      const file = await download;
      const path = join(folder.path, file.suggestedFilename());
      writeFileSync(path, readFileSync(await file.path()));
      files.push(path);
    }
    const [bundle = '', trust = ''] = files;
    expect(JSON.parse(readFileSync(bundle, 'utf8'))).toMatchObject({
      transaction: new URL(page.url()).pathname.slice(11),
    });

    const opened = context.waitForEvent('page');
    await page.getByRole('link', { name: /verification page/ }).click();
    const verifying = await opened;
    // The new page starts empty, and anything done before it has navigated is lost.
    await verifying.waitForURL('**/verify');
    const policy = (await context.request.get(verifying.url())).headers()['content-security-policy'];
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-.*; frame-ancestors 'none'$/,
    );
    expect(new URL(verifying.url()).pathname).toBe('/verify');
    await verifying.locator('#trust').setInputFiles(trust);
    await verifying.locator('#bundle').setInputFiles(bundle);
    expect(await verifying.locator('#verdict').textContent()).toContain('Verified');
    await picture(verifying, 'try-verified');
    await visitor.close();
  });

  it('shows the evidence of the example and of nothing else', async () => {
    const visitor = await visitFrom();
    expect(await visitor.open('/try/proof/txn_01jd0000000000000000000000')).toBe(404);
    expect(await visitor.refusal()).toBe('transaction_without_records');
    await expectProperPage(visitor);
    expect(await visitor.open('/try/proof/..%2f..%2fkeys')).toBe(404);
    await visitor.close();
  });
});
