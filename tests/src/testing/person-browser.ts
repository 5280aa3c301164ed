import { request } from 'undici';

/** A browser without JavaScript, controlled by the test: it keeps cookies, follows our redirects, and fills in forms. */
export interface PersonBrowser {
  /**
   * Opens an authorization URL, signs in by name where required, answers the consent page, and returns the client's address
   * to which the browser is sent in the end, without opening it.
   */
  authorize(url: URL | string, as: { readonly person: string; readonly decision?: 'allow' | 'refuse' }): Promise<URL>;
  /** Opens one address; redirects within the origin are followed, and a redirect elsewhere is the result. */
  open(url: URL | string): Promise<Visit>;
  submit(form: Form, fields?: Readonly<Record<string, string>>): Promise<Visit>;
}

export interface Visit {
  readonly status: number;
  readonly url: URL;
  readonly body: string;
  readonly headers: Headers;
  /** The URL to which the browser is sent, if it has another origin. */
  readonly leaves?: URL;
}

export interface Form {
  readonly action: URL;
  readonly fields: Readonly<Record<string, string>>;
}

/** @param to where requests to the origin go, if that is another node behind the same name */
export function personBrowser(origin: string, to = origin): PersonBrowser {
  const cookies = new Map<string, string>();

  async function visit(url: URL, form?: URLSearchParams): Promise<Visit> {
    // Not fetch: it sets the sec-fetch headers itself, like a script, and this is a person's request.
    const answer = await request(url.href.replace(origin, to), {
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'text/html,application/xhtml+xml',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        ...(cookies.size === 0 ? {} : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
        ...(form === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', origin, 'sec-fetch-site': 'same-origin' }),
      },
      ...(form === undefined ? {} : { body: form.toString() }),
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers))
      for (const each of [value ?? []].flat()) headers.append(name, each);
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const [name = '', value = ''] = pair.split('=');
      if (attributes.some((attribute) => attribute.trim().toLowerCase() === 'max-age=0')) cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = headers.get('location');
    const body = await answer.body.text();
    const seen = { status: answer.statusCode, url, body, headers };
    if (location === null) return seen;
    const next = new URL(location, url);
    return next.origin === origin ? visit(next) : { ...seen, leaves: next };
  }

  const submit = ({ action, fields }: Form, more: Readonly<Record<string, string>> = {}): Promise<Visit> =>
    visit(action, new URLSearchParams({ ...fields, ...more }));

  return {
    open: (url) => visit(new URL(url)),
    submit,
    async authorize(url, { person, decision = 'allow' }) {
      let page = await visit(new URL(url));
      if (page.leaves === undefined && page.url.pathname.startsWith('/sign-in/'))
        page = await submit(formOf(page, 'sign-in'), { person });
      if (page.leaves === undefined) page = await submit(formOf(page), { decision });
      if (page.leaves === undefined) throw new Error(`the browser stays at ${page.url.pathname}: ${textOf(page.body)}`);
      return page.leaves;
    },
  };
}

/**
 * The POST form of a page, with its hidden fields. Among several ways to sign in it takes the one by name, because this
 * browser has no authenticator.
 */
export function formOf(page: Visit, path = ''): Form {
  const forms = [...page.body.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)].flatMap(
    ([, attributes = '', inside = '']): Form[] => {
      const action = /action="([^"]*)"/.exec(attributes)?.[1];
      if (!/method="post"/i.test(attributes) || action === undefined || !action.includes(path)) return [];
      const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
      const fields = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
      return [{ action: new URL(action, page.url), fields }];
    },
  );
  const form = forms.find(({ fields }) => fields['method'] === 'development') ?? forms[0];
  if (form === undefined)
    throw new Error(`no form to fill in at ${page.url.pathname} (${page.status}): ${textOf(page.body)}`);
  return form;
}

function textOf(body: string): string {
  return body
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 500);
}
