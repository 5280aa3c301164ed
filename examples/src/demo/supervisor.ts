import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { type Browser, ceremonyForm, createBrowser, factsOn, type Page, refusalOn } from './browser.ts';

type Behaviour = Parameters<SoftwareAuthenticator['get']>[1];

export interface Approver {
  readonly browser: Browser;
  readonly key: SoftwareAuthenticator;
}

/**
 * Registers a key with an invitation from an operator.
 * @param invitation the link; it is the only proof of who registers
 * @throws CodedError the refusal that the page shows
 */
export async function registerKey(invitation: string): Promise<Approver> {
  const { origin } = new URL(invitation);
  const approver = {
    browser: createBrowser(),
    key: createSoftwareAuthenticator({ origin, attestation: 'none' }),
  };
  const form = ceremonyForm(await approver.browser.open(invitation), 'create');
  const credential = JSON.stringify(approver.key.create(form.options));
  accepted(await approver.browser.send(form, { name: 'Key in the desk drawer', credential }));
  return approver;
}

/** An attacker on another machine who has a copy of the key in its current state. */
export function copyOf({ key }: Approver, origin: string): Approver {
  return {
    browser: createBrowser(),
    key: createSoftwareAuthenticator({ origin, attestation: 'none', saved: key.save() }),
  };
}

/**
 * Opens a pending approval and signs in if the page requires it.
 * @throws CodedError the refusal of the sign-in or of the page
 */
export async function openApproval(approver: Approver, address: string): Promise<Page> {
  const page = await approver.browser.open(address);
  if (!page.url.pathname.startsWith('/sign-in/')) return accepted(page);
  return answer(approver, page);
}

/** Signs the content of the page, like its button. @throws CodedError the refusal in the response */
export async function signApproval(approver: Approver, page: Page, behaviour?: Behaviour): Promise<Page> {
  return answer(approver, page, { decision: 'approve' }, behaviour);
}

/** The facts that an approver reads before signing. */
export function shownOn(page: Page, ...names: readonly string[]): string {
  const facts = factsOn(page);
  return names.flatMap((name) => (facts.has(name) ? [`${name} ${facts.get(name) ?? ''}`] : [])).join(', ');
}

async function answer(
  { browser, key }: Approver,
  page: Page,
  pressed: Readonly<Record<string, string>> = {},
  behaviour?: Behaviour,
): Promise<Page> {
  const form = ceremonyForm(page, 'get');
  const credential = JSON.stringify(key.get(form.options, behaviour));
  return accepted(await browser.send(form, { ...pressed, credential }));
}

function accepted(page: Page): Page {
  const refusal = refusalOn(page);
  if (refusal !== undefined) throw refusal;
  if (page.status !== 200) throw new Error(`${page.url.pathname} answers ${page.status}`);
  return page;
}
