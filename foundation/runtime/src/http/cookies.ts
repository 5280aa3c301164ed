import { defined } from '@countersign/kernel';
import { parseCookie, stringifySetCookie } from 'cookie';

/** Longer headers are not read. Browsers store 4,096 bytes for each cookie; all of ours together need a tenth of that. */
const longestHeader = 8_192;
/** Format of our cookie values: random bytes in base64url. Any other value is not ours. */
const ourValue = /^[\w-]{1,256}$/;

export interface CookieScope {
  /**
   * Whether the browser uses https. The name then starts with `__Host-`, so that the browser refuses the cookie from any other
   * host, path or unencrypted response (RFC 6265bis section 4.1.3.2). Without https (a development installation on loopback)
   * browsers would drop a cookie with that prefix.
   */
  readonly secure: boolean;
}

export function cookieName(name: string, { secure }: CookieScope): string {
  return `${secure ? '__Host-' : ''}countersign-${name}`;
}

/**
 * The value of one cookie in a `Cookie` header. Undefined when it is absent or malformed, and when the name occurs twice, because
 * it is then unknown which of the two we set.
 *
 * @param header as received, with several headers joined by `; ` as Node does; nothing is read from more than 8,192 characters
 * @param name from {@link cookieName}
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > longestHeader) return undefined;
  if (header.split(';').filter((pair) => pair.split('=', 1)[0]?.trim() === name).length > 1) return undefined;
  // Not decoded: our values need no decoding, and it would permit two spellings of one value.
  const value = parseCookie(header, { decode: (text) => text })[name];
  return value !== undefined && ourValue.test(value) ? value : undefined;
}

/**
 * The `Set-Cookie` value for one of our secrets: not readable by scripts, for this host only. The browser sends it when a link or
 * redirect leads here, but not with another site's form or image (`SameSite=Lax`).
 *
 * @param name without prefix, e.g. `session`
 * @param maxAgeSeconds until the browser is closed when left out
 */
export function sessionCookie(
  name: string,
  value: string,
  { secure, maxAgeSeconds }: CookieScope & { readonly maxAgeSeconds?: number },
): string {
  if (!ourValue.test(value)) throw new Error('a cookie of ours holds base64url');
  return stringifySetCookie({
    ...attributes(name, secure),
    value,
    ...defined({ maxAge: maxAgeSeconds }),
  });
}

/** The `Set-Cookie` value that deletes the cookie. */
export function endedCookie(name: string, { secure }: CookieScope): string {
  return stringifySetCookie({ ...attributes(name, secure), value: '', maxAge: 0 });
}

function attributes(name: string, secure: boolean) {
  return { name: cookieName(name, { secure }), path: '/', httpOnly: true, secure, sameSite: 'lax' } as const;
}
