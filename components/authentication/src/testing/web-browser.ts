import type { FastifyInstance, LightMyRequestResponse } from 'fastify';

/** What a browser does that matters here: it keeps cookies, and says where a form was sent from. */
export interface WebBrowser {
  readonly cookies: Map<string, string>;
  readonly origin: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>;
  /** @param headers replace those of an honest browser; `undefined` takes one away */
  post(
    path: string,
    fields: Readonly<Record<string, string | undefined>>,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<LightMyRequestResponse>;
  cookieHeader(): string | undefined;
}

export function webBrowser(app: FastifyInstance, origin: string): WebBrowser {
  const cookies = new Map<string, string>();
  const cookieHeader = () =>
    cookies.size === 0 ? undefined : [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const withCookies = () => {
    const cookie = cookieHeader();
    return cookie === undefined ? {} : { cookie };
  };
  const keep = (answer: LightMyRequestResponse): LightMyRequestResponse => {
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  return {
    cookies,
    origin,
    cookieHeader,
    async get(path, headers = {}) {
      return keep(await app.inject({ method: 'GET', url: path, headers: { ...withCookies(), ...headers } }));
    },
    async post(path, fields, headers = {}) {
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
          url: path,
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
