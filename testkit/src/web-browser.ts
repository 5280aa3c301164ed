import type { createHttpServer } from '@countersign/runtime';

/** A server of the runtime, called without a network. */
export type AskedServer = ReturnType<typeof createHttpServer>;
interface Asked {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly remoteAddress?: string;
  readonly payload?: string;
}
const ask = (app: AskedServer, asked: Asked) => app.inject({ ...asked });
type Answer = Awaited<ReturnType<typeof ask>>;

/** A minimal browser: it stores cookies, and sends the origin of a form. */
export interface WebBrowser {
  readonly cookies: Map<string, string>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /**
   *
   * @param headers replace the browser's own; `undefined` removes one
   */
  post(
    path: string,
    fields: Readonly<Record<string, string | undefined>>,
    headers?: Readonly<Record<string, string | undefined>>,
    remoteAddress?: string,
  ): Promise<Answer>;
  cookieHeader(): string | undefined;
}

export function webBrowser(app: AskedServer): WebBrowser {
  const cookies = new Map<string, string>();
  const cookieHeader = () =>
    cookies.size === 0 ? undefined : [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const withCookies = (): Record<string, string> => {
    const cookie = cookieHeader();
    return cookie === undefined ? {} : { cookie };
  };
  const keep = (answer: Answer): Answer => {
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  return {
    cookies,
    cookieHeader,
    async get(path, headers = {}) {
      return keep(await ask(app, { method: 'GET', url: path, headers: { ...withCookies(), ...headers } }));
    },
    async post(path, fields, headers = {}, remoteAddress = '127.0.0.1') {
      const sent = Object.entries({
        'content-type': 'application/x-www-form-urlencoded',
        // A page without a referrer sends its forms with this origin.
        origin: 'null',
        'sec-fetch-site': 'same-origin',
        ...withCookies(),
        ...headers,
      }).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const form = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
      return keep(
        await ask(app, {
          method: 'POST',
          url: path,
          remoteAddress,
          headers: Object.fromEntries(sent),
          payload: new URLSearchParams(form).toString(),
        }),
      );
    },
  };
}
