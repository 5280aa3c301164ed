import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieName, endedCookie, readCookie, sessionCookie } from './cookies.ts';

const secure = { secure: true };
const name = cookieName('session', secure);
const value = 'A-_z'.repeat(10);

describe('cookies', () => {
  it('are not available to scripts, other hosts and other sites, and are only sent encrypted', () => {
    expect(sessionCookie('session', value, secure)).toBe(
      `__Host-countersign-session=${value}; Path=/; HttpOnly; Secure; SameSite=Lax`,
    );
    expect(sessionCookie('session', value, { ...secure, maxAgeSeconds: 600 })).toContain('; Max-Age=600; ');
    expect(endedCookie('session', secure)).toBe(
      '__Host-countersign-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
    );
  });

  it('on loopback without https omit attributes that a browser would refuse there', () => {
    expect(sessionCookie('session', value, { secure: false })).toBe(
      `countersign-session=${value}; Path=/; HttpOnly; SameSite=Lax`,
    );
  });

  it('hold no character that could end the cookie and start another value', () => {
    for (const bad of ['', 'a; Domain=evil', 'a\r\nset-cookie: b', 'ä', 'a'.repeat(257)])
      expect(() => sessionCookie('session', bad, secure)).toThrow();
  });

  it('are found among others', () => {
    expect(readCookie(`${name}=${value}`, name)).toBe(value);
    expect(readCookie(`a=b; ${name}=${value}; c="d"; =; ;`, name)).toBe(value);
  });

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['another prefix', `countersign-session=${value}`],
    ['another case', `__host-countersign-session=${value}`],
    ['two of them', `${name}=${value}; ${name}=${value}`],
    ['two of them, one with spaces', `${name}=${value};   ${name} =x`],
    ['nothing in it', `${name}=`],
    ['a foreign character', `${name}=${value}%41`],
    ['quotes', `${name}="${value}"`],
    ['too much in it', `${name}=${'a'.repeat(257)}`],
    ['a header without end', `${name}=${value}; a=${'b'.repeat(8_192)}`],
  ])('are not found in %s', (_what, header) => {
    expect(readCookie(header, name)).toBeUndefined();
  });

  it('never make the parser throw, and never return anything but base64url', () => {
    const piece = fc.constantFrom(name, '=', ';', ' ', '"', '%', 'a', '__proto__', ',', '\t', '\0');
    const header = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(header, (text) => {
        const read = readCookie(text, name);
        return (read === undefined || /^[\w-]+$/.test(read)) && readCookie(text, '__proto__') !== '[object Object]';
      }),
      { numRuns: 1_000 },
    );
  });
});
