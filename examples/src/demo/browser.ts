import { type IncomingMessage, request } from 'node:http';
import { CodedError } from '@countersign/kernel';

export interface Page {
  readonly status: number;
  readonly url: URL;
  readonly body: string;
}

export interface Form {
  readonly action: URL;
  readonly fields: Readonly<Record<string, string>>;
  /** The options for the authenticator, if the form needs one. */
  readonly options?: unknown;
}

/** A minimal browser: it keeps cookies, follows the redirects of one site, and submits forms. */
export interface Browser {
  open(address: URL | string): Promise<Page>;
  send(form: Form, filledIn: Readonly<Record<string, string>>): Promise<Page>;
}

const mostRedirects = 5;
const mostCharacters = 1_000_000;

export function createBrowser(): Browser {
  const cookies = new Map<string, string>();

  async function visit(url: URL, form?: string, redirects = 0): Promise<Page> {
    const { answer, body } = await ask(url, form, [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /;\s*max-age=0/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const { location } = answer.headers;
    if (location === undefined) return { status: answer.statusCode ?? 0, url, body };
    const next = new URL(location, url);
    if (next.origin !== url.origin || redirects === mostRedirects)
      throw new Error(`${url.pathname} leads to ${next.href}, where this browser does not go`);
    return visit(next, undefined, redirects + 1);
  }

  return {
    open: (address) => visit(new URL(address)),
    send: ({ action, fields }, filledIn) => visit(action, new URLSearchParams({ ...fields, ...filledIn }).toString()),
  };
}

/** Not `fetch`, because its headers identify a script and this simulates a person. */
function ask(
  url: URL,
  form: string | undefined,
  cookie: string,
): Promise<{ readonly answer: IncomingMessage; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      url,
      {
        method: form === undefined ? 'GET' : 'POST',
        timeout: 20_000,
        headers: {
          accept: 'text/html',
          'accept-language': 'en',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          ...(cookie === '' ? {} : { cookie }),
          ...(form === undefined
            ? {}
            : {
                'content-type': 'application/x-www-form-urlencoded',
                // The value that a browser sends from a page without a referrer.
                origin: 'null',
                'sec-fetch-site': 'same-origin',
              }),
        },
      },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => {
          body += text;
          if (body.length > mostCharacters) asking.destroy(new Error(`${url.pathname} is no page: it does not end`));
        });
        answer.once('end', () => resolve({ answer, body }));
        answer.once('error', reject);
      },
    );
    asking.once('timeout', () => asking.destroy(new Error(`${url.pathname} does not answer`)));
    asking.once('error', reject);
    asking.end(form);
  });
}

/**
 * The form for an authenticator ceremony, as the script of the pages finds it. @throws the page's refusal if there is no such
 * form
 */
export function ceremonyForm(page: Page, ceremony: 'get' | 'create'): Form {
  for (const [, attributes = '', inside = ''] of page.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
    if (attribute(attributes, 'data-webauthn') !== ceremony) continue;
    const hidden = [...inside.matchAll(/<input type="hidden"([^>]*)>/g)].map(([, input = '']) => input);
    return {
      action: new URL(attribute(attributes, 'action') ?? '', page.url),
      fields: Object.fromEntries(
        hidden.map((input) => [attribute(input, 'name') ?? '', attribute(input, 'value') ?? '']),
      ),
      options: JSON.parse(attribute(attributes, 'data-options') ?? 'null') as unknown,
    };
  }
  throw refusalOn(page) ?? new Error(`${page.url.pathname} (${page.status}) asks no authenticator`);
}

/** The refusal that a page shows: a sentence for the person, and a code to quote to support. */
export function refusalOn({ body }: Page): CodedError | undefined {
  const [, problem] = /<div class="notice problem"[^>]*>([\s\S]*?)<\/div>/.exec(body) ?? [];
  const [, whole] = /<section class="panel problem"[^>]*>([\s\S]*?)<\/section>/.exec(body) ?? [];
  const [, lead] = /<p class="lead">([\s\S]*?)<\/p>/.exec(whole ?? '') ?? [];
  const code = /<code>([a-z_]+)<\/code>|\(([a-z_]+)\)/.exec(problem ?? whole ?? '');
  if (code === null) return undefined;
  return new CodedError({
    code: code[1] ?? code[2] ?? '',
    category: 'forbidden',
    detail: textOf(problem ?? lead ?? '').replace(/ \([a-z_]+\)$/, ''),
  });
}

/** The facts on a page: each name with its value, as a person reads them. */
export function factsOn({ body }: Page): ReadonlyMap<string, string> {
  const facts = body.matchAll(/<dt[^>]*>([\s\S]*?)<\/dt>\s*<dd[^>]*>([\s\S]*?)<\/dd>/g);
  return new Map([...facts].map(([, name = '', value = '']) => [textOf(name), textOf(value)]));
}

export function titleOf({ body }: Page): string {
  return textOf(/<h1[^>]*>([\s\S]*?)<\/h1>/.exec(body)?.[1] ?? '');
}

function textOf(markup: string): string {
  return unescaped(markup.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')).trim();
}

function attribute(attributes: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
  return found === undefined ? undefined : unescaped(found);
}

function unescaped(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
