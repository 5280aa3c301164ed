import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** The redirects and cookies that a server sends to a browser. */
export interface Wiretap {
  /** Values of `Location`, in order. */
  readonly locations: readonly string[];
  /** Values of cookies. */
  readonly cookies: ReadonlySet<string>;
  stop(): void;
}

/** Listens to every response that undici delivers to this process, which includes those to a person's browser. */
export function wiretap(): Wiretap {
  const locations: string[] = [];
  const cookies = new Set<string>();
  const listen = (message: unknown): void => {
    const { response } = message as { readonly response: { readonly headers: readonly Buffer[] } };
    const texts = response.headers.map((part) => part.toString('latin1'));
    for (let index = 0; index + 1 < texts.length; index += 2) {
      const [name = '', value = ''] = texts.slice(index, index + 2);
      if (name.toLowerCase() === 'location') locations.push(value);
      const cookie = name.toLowerCase() === 'set-cookie' ? /^[^=]+=([^;]*)/.exec(value)?.[1] : undefined;
      if (cookie !== undefined && cookie !== '') cookies.add(cookie);
    }
  };
  subscribe('undici:request:headers', listen);
  return { locations, cookies, stop: () => void unsubscribe('undici:request:headers', listen) };
}
