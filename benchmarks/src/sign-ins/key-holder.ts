import type { PrincipalId } from '@countersign/contracts';
import type { AuthenticationResponse, SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import type { WebBrowser } from '../web-browser.ts';

/** A person with a key: the authenticator and the browser before it, in software. */
export interface KeyHolder {
  readonly person: PrincipalId;
  readonly key: SoftwareAuthenticator;
}

/** One sign-in of one person, in a browser of their own, as far as it has come. */
export interface SignInCeremony {
  readonly holder: KeyHolder;
  readonly browser: WebBrowser;
  page?: { readonly url: string; readonly body: string };
  credential?: AuthenticationResponse;
  /** Of the session that began. */
  cookie?: string;
}

export function prepareSignIns(people: readonly KeyHolder[]): readonly SignInCeremony[] {
  return people.map((holder) => ({ holder, browser: { cookies: new Map<string, string>() } }));
}

/** What has been counted by the key of a person. */
export function countOf({ key }: KeyHolder): number {
  return key.save()[0]?.counter ?? 0;
}

/** The options of the ceremony in a page, as its script reads them. */
export function optionsIn(page: string): unknown {
  const [, written = ''] = / data-options="([^"]*)"/.exec(page) ?? [];
  return JSON.parse(written.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&'));
}
