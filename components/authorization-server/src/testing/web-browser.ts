import type { FastifyInstance, LightMyRequestResponse } from 'fastify';

/** What a browser does that matters here: it keeps cookies, and says where a form was sent from. */
export interface WebBrowser {
  readonly cookies: Map<string, string>;
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>;
  /** @param headers replace those of an honest browser; `undefined` takes one away */
  post(
    url: string,
    fields: Readonly<Record<string, string | undefined>>,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<LightMyRequestResponse>;
}

export function webBrowser(app: FastifyInstance): WebBrowser {
  const cookies = new Map<string, string>();
  const withCookies = () =>
    cookies.size === 0 ? {} : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  const keep = (answer: LightMyRequestResponse): LightMyRequestResponse => {
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  return {
    cookies,
    async get(url, headers = {}) {
      return keep(await app.inject({ method: 'GET', url, headers: { ...withCookies(), ...headers } }));
    },
    async post(url, fields, headers = {}) {
      const sent = Object.entries({
        'content-type': 'application/x-www-form-urlencoded',
        // Pages without a referrer send their forms with this origin.
        origin: 'null',
        'sec-fetch-site': 'same-origin',
        ...withCookies(),
        ...headers,
      }).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const form = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
      return keep(
        await app.inject({
          method: 'POST',
          url,
          headers: Object.fromEntries(sent),
          payload: new URLSearchParams(form).toString(),
        }),
      );
    },
  };
}

/** The value of a hidden field in a page. */
export function hiddenField(page: string, name: string): string | undefined {
  return new RegExp(`<input type="hidden" name="${name}" value="([^"]*)">`).exec(page)?.[1];
}

/** The code that an error page names. */
export function pageCode(page: string): string | undefined {
  return /say this code: <code>([^<]*)<\/code>/.exec(page)?.[1];
}

/** The parameters of an answer at a redirect URI. */
export function answerOf(response: LightMyRequestResponse): Readonly<Record<string, string>> {
  const { location } = response.headers;
  if (typeof location !== 'string') throw new Error(`no redirect but ${response.statusCode}: ${response.body}`);
  return Object.fromEntries(new URL(location).searchParams);
}
