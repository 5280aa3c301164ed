import type { PrincipalId } from '@countersign/contracts';
import type { AuthenticationResponse, SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { type Connection, headersOf, httpRequest, unsuccessful } from '../http-connection.ts';
import { performAll } from '../http-load.ts';
import { readForm, visit, type WebBrowser } from '../web-browser.ts';

/** A server at which people sign in with a key. */
export interface SignInServer {
  readonly name: string;
  readonly url: string;
  /** Starts a sign-in for an application. @returns the path of the page */
  begin(): Promise<string>;
}

/** The steps of a sign-in, in order. @throws CodedError `benchmark_answer` */
export function signInSteps({ name, url, begin }: SignInServer) {
  const missing = (what: string) => new Error(`${name}: the previous step left no ${what}`);
  return {
    /** The application starts the sign-in, and the browser opens the page. */
    async open(ceremony: SignInCeremony, connection: Connection): Promise<void> {
      const arrival = await visit(`${url}${await begin()}`, ceremony.browser, connection, name);
      if (arrival.kind === 'left') throw new Error(`${name} sent the browser away: ${arrival.location.href}`);
      ceremony.page = arrival;
    },
    /** Without the server. */
    sign(ceremony: SignInCeremony): void {
      if (ceremony.page === undefined) throw missing('page');
      ceremony.credential = ceremony.holder.key.get(optionsIn(ceremony.page.body));
    },
    /** Sends the form with the assertion, which starts a session. */
    async answer(ceremony: SignInCeremony, connection: Connection): Promise<void> {
      const { page, credential, browser } = ceremony;
      if (page === undefined || credential === undefined) throw missing('assertion');
      const form = readForm(page.body);
      const fields = { ...form.fields, action: 'sign-in', credential: JSON.stringify(credential) };
      const headers = {
        cookie: [...browser.cookies].map(([cookie, value]) => `${cookie}=${value}`).join('; '),
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'null',
        'sec-fetch-site': 'same-origin',
      };
      const body = new URLSearchParams(fields).toString();
      const answer = await connection.ask(httpRequest('POST', new URL(form.action, page.url).href, headers, body));
      const cookie = headersOf(answer, 'set-cookie').find((each) => /^[^=]*countersign-session=[^;]/.test(each));
      if (answer.status !== 303 || cookie === undefined) throw unsuccessful(name, answer, 'which starts no session');
      ceremony.cookie = cookie.split(';', 1)[0] ?? '';
    },
  };
}

export function signInAll(server: SignInServer, items: readonly SignInCeremony[], connections: number) {
  const { name, url } = server;
  const steps = signInSteps(server);
  return performAll({
    ...{ name, url, connections, items },
    async perform(ceremony, connection) {
      await steps.open(ceremony, connection);
      steps.sign(ceremony);
      await steps.answer(ceremony, connection);
    },
  });
}

/** A person with a key: the authenticator and the browser before it, in software. */
export interface KeyHolder {
  readonly person: PrincipalId;
  readonly key: SoftwareAuthenticator;
}

/** The progress of one sign-in in a separate browser. */
export interface SignInCeremony {
  readonly holder: KeyHolder;
  readonly browser: WebBrowser;
  page?: { readonly url: string; readonly body: string };
  credential?: AuthenticationResponse;
  cookie?: string;
}

export function prepareSignIns(people: readonly KeyHolder[]): readonly SignInCeremony[] {
  return people.map((holder) => ({ holder, browser: { cookies: new Map<string, string>() } }));
}

export function countOf({ key }: KeyHolder): number {
  return key.save()[0]?.counter ?? 0;
}

/** The options of the ceremony in a page, as its script reads them. */
function optionsIn(page: string): unknown {
  const [, written = ''] = / data-options="([^"]*)"/.exec(page) ?? [];
  return JSON.parse(written.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&'));
}
