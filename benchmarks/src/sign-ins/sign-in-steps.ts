import type { PrincipalId } from '@countersign/contracts';
import type { AuthenticationResponse, SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { type Connection, headersOf, httpRequest, unsuccessful } from '../http-connection.ts';
import { performAll } from '../http-load.ts';
import { readForm, visit, type WebBrowser } from '../web-browser.ts';

/** A server that people sign in to with a key. */
export interface SignInServer {
  readonly name: string;
  readonly url: string;
  /** An application sends somebody to sign in. @returns the path of the page */
  begin(): Promise<string>;
}

/** Each step takes a sign-in from where the one before has left it. @throws CodedError `benchmark_answer` */
export function signInSteps({ name, url, begin }: SignInServer) {
  const missing = (what: string) => new Error(`${name}: a step without the ${what} of the one before`);
  return {
    /** The application sends the person, whose browser opens the page. */
    async open(ceremony: SignInCeremony, connection: Connection): Promise<void> {
      const arrival = await visit(`${url}${await begin()}`, ceremony.browser, connection, name);
      if (arrival.kind === 'left') throw new Error(`${name} sent the browser away: ${arrival.location.href}`);
      ceremony.page = arrival;
    },
    /** In the browser and its key; costs the server nothing. */
    sign(ceremony: SignInCeremony): void {
      if (ceremony.page === undefined) throw missing('page');
      ceremony.credential = ceremony.holder.key.get(optionsIn(ceremony.page.body));
    },
    /** The form with the assertion goes back, and a session begins. */
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
      if (answer.status !== 303 || cookie === undefined) throw unsuccessful(name, answer, 'which begins no session');
      ceremony.cookie = cookie.split(';', 1)[0] ?? '';
    },
  };
}

/** All of these people sign in from beginning to end, so many at once. */
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
