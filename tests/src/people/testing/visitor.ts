import { createPrivateKey } from 'node:crypto';
import {
  type CeremonyBehaviour,
  createSoftwareAuthenticator,
  type SoftwareAuthenticator,
  type SoftwareAuthenticatorOptions,
} from '@countersign/webauthn/software-authenticator';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import type { PeopleWorld, PersonId } from './people-world.ts';

export interface VisitorOptions {
  /** In pixels; 1024 by default. 320 is the narrowest phone. */
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
  /** For keys that the browser makes: whether they are synced to other devices. */
  readonly synced?: boolean;
  /** Origin of the pages; the issuer by default. */
  readonly origin?: string;
}

/** Faults that no page of ours may show. */
export interface Observed {
  /** Console messages and script errors. */
  readonly complaints: readonly string[];
  /** Addresses outside the control plane that a page requested. */
  readonly foreign: readonly string[];
  /** Pages without a content security policy, or with one that allows something unsafe. */
  readonly loose: readonly string[];
}

/** A person with their own browser, which has a virtual authenticator (CDP, domain WebAuthn). */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly cdp: CDPSession;
  readonly authenticatorId: string;
  readonly observed: Observed;
  /** Opens a path of the control plane, or an address. @returns the status */
  open(path: string): Promise<number>;
  press(name: string | RegExp): Promise<void>;
  /** Waits for the page with this heading. */
  see(heading: string | RegExp): Promise<void>;
  /** The error code on the page. */
  refusal(): Promise<string>;
  /** Registers a key of the browser by an invitation. */
  enrol(person: PersonId): Promise<void>;
  /** Registers a key whose maker is trusted, and gives it to the browser. */
  enrolHardware(person: PersonId): Promise<SoftwareAuthenticator>;
  /** Submits the page's form that asks for a key, instead of the browser. */
  answer(respond: (options: unknown) => unknown, fields?: Readonly<Record<string, string>>): Promise<void>;
  /** Signs in on the page that asks for it. */
  signIn(): Promise<void>;
  close(): Promise<void>;
}

export async function visit(
  world: Pick<PeopleWorld, 'browser' | 'invite' | 'issuer' | 'maker'>,
  options: VisitorOptions = {},
): Promise<Visitor> {
  const { width = 1024, colorScheme = 'light', locale = 'en-GB', synced = false, origin = world.issuer } = options;
  const context = await world.browser.newContext({
    ...{ viewport: { width, height: 900 }, colorScheme, locale },
    // A headless browser sends another name.
    userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${world.browser.version()} Safari/537.36`,
  });
  const page = await context.newPage();
  const observed = observe(page, origin);
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'usb', automaticPresenceSimulation: true },
      ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
      ...{ defaultBackupEligibility: synced, defaultBackupState: synced },
    },
  });
  const visitor: Visitor = {
    ...{ page, context, cdp, authenticatorId, observed },
    async open(path) {
      const answer = await page.goto(path.startsWith('/') ? origin + path : path);
      return answer?.status() ?? 0;
    },
    press: (name) => page.getByRole('button', { name }).click(),
    see: (name) => page.getByRole('heading', { name }).first().waitFor(),
    async refusal() {
      // A page of its own, a notice on a page, or the place where a ceremony reports its result. While a ceremony runs, that
      // place is visible and has no code yet.
      const told = page
        .locator('.problem code, .problem .quiet, [data-ceremony-status]:not([hidden])')
        .filter({ hasText: endsInCode })
        .last();
      return endsInCode.exec((await told.textContent()) ?? '')?.[1] ?? '';
    },
    async enrol(person) {
      await visitor.open(await world.invite(person));
      await visitor.press('Register');
      await visitor.see('Registration complete');
    },
    async enrolHardware(person) {
      await visitor.open(await world.invite(person));
      const key = createSoftwareAuthenticator({ origin, authority: world.maker });
      await visitor.answer((asked) => key.create(asked), { name: 'Security key, office' });
      await visitor.see('Registration complete');
      await handOver(key, visitor);
      return key;
    },
    async answer(respond, fields = {}) {
      const form = page.locator('form[data-webauthn]').first();
      const credential = JSON.stringify(respond(JSON.parse((await form.getAttribute('data-options')) ?? 'null')));
      const left = page.waitForEvent('framenavigated');
      // `submit()` runs no script handlers, as in a browser without scripts.
      await page.evaluate(`(${submitWith})(${JSON.stringify({ ...fields, credential })})`);
      await left;
      await page.waitForLoadState();
    },
    async signIn() {
      await page.waitForURL(/\/sign-in\//);
      await visitor.press('Use security key or passkey');
      await page.waitForURL((url) => !url.pathname.startsWith('/sign-in/'));
    },
    close: () => context.close(),
  };
  return visitor;
}

const endsInCode = /([a-z]+(?:_[a-z]+)+)\)?\s*$/;

/** As text, because it runs in the page: this file is compiled without `document`. */
const submitWith = `(fields) => {
  const form = document.querySelector('form[data-webauthn]');
  for (const [name, value] of Object.entries(fields)) {
    const there = form.querySelector('input[name="' + name + '"]');
    const input = there ?? form.appendChild(Object.assign(document.createElement('input'), { type: 'hidden', name }));
    input.value = value;
  }
  setTimeout(() => form.submit());
}`;

/** Puts a software key into a browser as its only one, as if plugged in. @param signCount its initial counter */
export async function handOver(
  key: SoftwareAuthenticator,
  { cdp, authenticatorId }: Pick<Visitor, 'cdp' | 'authenticatorId'>,
  signCount = 10,
): Promise<void> {
  await cdp.send('WebAuthn.clearCredentials', { authenticatorId });
  for (const { credentialId, rpId, userHandle, key: jwk, backupEligible } of key.save())
    await cdp.send('WebAuthn.addCredential', {
      authenticatorId,
      credential: {
        credentialId: base64(credentialId),
        isResidentCredential: true,
        rpId,
        userHandle: base64(userHandle),
        privateKey: createPrivateKey({ key: { ...jwk }, format: 'jwk' })
          .export({ format: 'der', type: 'pkcs8' })
          .toString('base64'),
        signCount,
        backupEligibility: backupEligible,
      },
    });
}

/** Copies the keys of one browser into another, unchanged or changed. */
export async function copyKeys(
  from: Visitor,
  to: Visitor,
  change: { readonly signCount?: number; readonly backupEligibility?: boolean } = {},
): Promise<void> {
  const { credentials } = await from.cdp.send('WebAuthn.getCredentials', { authenticatorId: from.authenticatorId });
  for (const credential of credentials)
    await to.cdp.send('WebAuthn.addCredential', {
      authenticatorId: to.authenticatorId,
      credential: { ...credential, ...change },
    });
}

/** Keys that can be made to answer wrongly, in the form that a browser sends. */
export function wrongly(key: SoftwareAuthenticator, behaviour: CeremonyBehaviour) {
  return (options: unknown): unknown => key.get(options, behaviour);
}

export const softwareKey = (options: SoftwareAuthenticatorOptions): SoftwareAuthenticator =>
  createSoftwareAuthenticator(options);

function base64(base64Url: string): string {
  return Buffer.from(base64Url, 'base64url').toString('base64');
}

function observe(page: Page, origin: string): Observed {
  const complaints: string[] = [];
  const foreign: string[] = [];
  const loose: string[] = [];
  page.on('console', (message) => {
    // A refusal page has an error status, which the browser logs.
    if (!message.text().startsWith('Failed to load resource: the server responded with a status of 4'))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol.startsWith('http') && asked !== origin && !request.isNavigationRequest()) foreign.push(request.url());
  });
  page.on('response', (response) => {
    if (!response.request().isNavigationRequest() || !response.url().startsWith(origin)) return;
    const { 'content-security-policy': policy = '', 'content-type': type = '' } = response.headers();
    const strict = policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'");
    if (type.startsWith('text/html') && (!strict || policy.includes('unsafe'))) loose.push(response.url());
  });
  return { complaints, foreign, loose };
}
