import { type Answer, type Connection, headersOf, httpRequest, unsuccessful } from './http-connection.ts';

/** The state that a browser keeps between pages. */
export interface WebBrowser {
  readonly cookies: Map<string, string>;
}

export interface Page {
  readonly kind: 'page';
  readonly url: string;
  readonly body: string;
}

/** Where following redirects ended: on a page of the server, or at a redirect to another site. */
export type Arrival = Page | { readonly kind: 'left'; readonly location: URL };

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly inputs: readonly string[];
}

const mostRedirects = 8;

export async function visit(url: string, browser: WebBrowser, connection: Connection, name: string): Promise<Arrival> {
  return follow(httpRequest('GET', url, cookieHeader(browser), ''), url, { browser, connection, name });
}

/** Sends the form of a page with these values, like a browser that sends no referrer. */
export async function submit(
  page: Page,
  filledIn: Readonly<Record<string, string>>,
  browser: WebBrowser,
  connection: Connection,
  name: string,
): Promise<Arrival> {
  const { action, fields } = readForm(page.body);
  const url = new URL(action, page.url).href;
  const headers = {
    ...cookieHeader(browser),
    'content-type': 'application/x-www-form-urlencoded',
    origin: 'null',
    'sec-fetch-site': 'same-origin',
  };
  const body = new URLSearchParams({ ...fields, ...filledIn }).toString();
  return follow(httpRequest('POST', url, headers, body), url, { browser, connection, name });
}

async function follow(
  request: Buffer,
  from: string,
  by: { readonly browser: WebBrowser; readonly connection: Connection; readonly name: string },
): Promise<Arrival> {
  const { browser, connection, name } = by;
  let url = from;
  let answer = await connection.ask(request);
  for (let redirects = 0; ; redirects++) {
    keepCookies(browser, answer);
    if (answer.status === 200) return { kind: 'page', url, body: answer.body };
    const [location] = headersOf(answer, 'location');
    if ((answer.status !== 302 && answer.status !== 303) || location === undefined || redirects === mostRedirects)
      throw unsuccessful(name, answer, 'which is neither a page nor a way on');
    const next = new URL(location, url);
    if (next.origin !== new URL(url).origin) return { kind: 'left', location: next };
    url = next.href;
    answer = await connection.ask(httpRequest('GET', url, cookieHeader(browser), ''));
  }
}

function cookieHeader({ cookies }: WebBrowser): Readonly<Record<string, string>> {
  return cookies.size === 0 ? {} : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
}

/** Paths are ignored: each server here uses a cookie for one purpose. An empty value removes a cookie. */
function keepCookies({ cookies }: WebBrowser, answer: Answer): void {
  for (const cookie of headersOf(answer, 'set-cookie')) {
    const pair = cookie.split(';', 1)[0] ?? '';
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  }
}

/** The POST form of a page. Reads only the HTML of the pages that are measured. */
export function readForm(body: string): Form {
  const form = /<form [^>]*method="post"[^>]*>[\s\S]*?<\/form>/i.exec(body)?.[0];
  const action = form === undefined ? undefined : attribute(form.slice(0, form.indexOf('>')), 'action');
  if (form === undefined || action === undefined) throw new Error('a page without a form to send');
  const fields: Record<string, string> = {};
  const inputs: string[] = [];
  for (const [tag] of form.matchAll(/<(?:input|button) [^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name === undefined) continue;
    if (attribute(tag, 'type') === 'hidden') fields[name] = attribute(tag, 'value') ?? '';
    else inputs.push(name);
  }
  return { action, fields, inputs };
}

/** The values hold no escaped characters. */
function attribute(tag: string, name: string): string | undefined {
  return new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
}
