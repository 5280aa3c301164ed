import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { type Browser, ceremonyForm, createBrowser, factsOn, type Page, refusalOn } from './browser.ts';

type Behaviour = Parameters<SoftwareAuthenticator['get']>[1];

/** A person before the pages of the control plane, with a security key. */
export interface Approver {
  /** Where they are. */
  readonly browser: Browser;
  readonly key: SoftwareAuthenticator;
}

/**
 * Registers a key by the link that an operator has handed out.
 *
 * @param invitation the link, and nothing else proves who comes by it
 * @throws CodedError what the page says no with
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

/** Somebody who has copied a key as it was, and sits at another machine. */
export function copyOf({ key }: Approver, origin: string): Approver {
  return {
    browser: createBrowser(),
    key: createSoftwareAuthenticator({ origin, attestation: 'none', saved: key.save() }),
  };
}

/**
 * Opens what waits for an approval, signing in on the way where the pages ask for it.
 *
 * @throws CodedError what the sign-in, or the page, says no with
 */
export async function openApproval(approver: Approver, address: string): Promise<Page> {
  const page = await approver.browser.open(address);
  if (!page.url.pathname.startsWith('/sign-in/')) return accepted(page);
  return answer(approver, page);
}

/** Signs what the page shows, as its button does. @throws CodedError what the answer says no with */
export async function signApproval(approver: Approver, page: Page, behaviour?: Behaviour): Promise<Page> {
  return answer(approver, page, { decision: 'approve' }, behaviour);
}

/** What an approver reads before they sign. */
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
