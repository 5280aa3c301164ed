import { defined } from '@countersign/kernel';
import { parseCookie, stringifySetCookie } from 'cookie';

/** Longer headers are not read; browsers keep 4,096 bytes a cookie, and ours are a tenth of that together. */
const longestHeader = 8_192;
/** What our cookies hold: random bytes in base64url. Anything else in one is not from us. */
const ourValue = /^[\w-]{1,256}$/;

export interface CookieScope {
  /**
   * Whether the browser reaches us by https. Then the name begins with `__Host-`, which makes the browser refuse the
   * cookie from any other host, path or unencrypted answer (RFC 6265bis section 4.1.3.2). Without https (a
   * development installation on loopback) that prefix would make browsers drop the cookie.
   */
  readonly secure: boolean;
}

/** The full name of one of our cookies. */
export function cookieName(name: string, { secure }: CookieScope): string {
  return `${secure ? '__Host-' : ''}countersign-${name}`;
}

/**
 * The value of one cookie in a `Cookie` header. Undefined when it is not there, when it cannot be one of ours, and
 * when the name is given twice: of two, nobody can say which the browser got from us.
 *
 * @param header as received, with several headers joined by `; ` as Node does; over 8,192 characters nothing is read
 * @param name as {@link cookieName} makes it
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > longestHeader) return undefined;
  if (header.split(';').filter((pair) => pair.split('=', 1)[0]?.trim() === name).length > 1) return undefined;
  // As sent: ours need no decoding, and what is decoded can have two spellings.
  const value = parseCookie(header, { decode: (text) => text })[name];
  return value !== undefined && ourValue.test(value) ? value : undefined;
}

/**
 * The `Set-Cookie` value for a secret of ours: out of reach for scripts, for this host alone, and sent along when
 * a link or a redirect leads here, but not with another site's form or image (`SameSite=Lax`).
 *
 * @param name without prefix, e.g. `session`
 * @param maxAgeSeconds until the browser is closed, when left out
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

/** The `Set-Cookie` value that makes the browser forget the cookie. */
export function endedCookie(name: string, { secure }: CookieScope): string {
  return stringifySetCookie({ ...attributes(name, secure), value: '', maxAge: 0 });
}

function attributes(name: string, secure: boolean) {
  return { name: cookieName(name, { secure }), path: '/', httpOnly: true, secure, sameSite: 'lax' } as const;
}
