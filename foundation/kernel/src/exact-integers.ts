/** JSON with integers beyond the precision of a number. */
export type ExactJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

const maxDigits = 32;

/**
 * Reads a text that is known to be JSON without deep nesting or duplicate keys; integers beyond 2^53 - 1 become `bigint`. The
 * parser of Node.js 20 does not report how a number was written.
 *
 * @returns undefined when a number beyond 2^53 - 1 is not a plain integer of at most 32 digits
 */
export function readExactly(text: string): ExactJson | undefined {
  let at = 0;
  let inexact = false;

  function skip(): string {
    while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at++;
    return text.charAt(at);
  }
  function value(): ExactJson {
    switch (skip()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      default:
        return scalar();
    }
  }
  function object(): ExactJson {
    const members: [string, ExactJson][] = [];
    at++;
    while (skip() !== '}') {
      const key = string();
      skip();
      at++;
      members.push([key, value()]);
      if (skip() === ',') at++;
    }
    at++;
    return Object.fromEntries(members);
  }
  function array(): ExactJson {
    const items: ExactJson[] = [];
    at++;
    while (skip() !== ']') {
      items.push(value());
      if (skip() === ',') at++;
    }
    at++;
    return items;
  }
  function string(): string {
    const start = at++;
    while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
    return JSON.parse(text.slice(start, ++at));
  }
  function scalar(): ExactJson {
    const start = at;
    while (at < text.length && !' \t\n\r,]}'.includes(text.charAt(at))) at++;
    const written = text.slice(start, at);
    const plain: null | boolean | number = JSON.parse(written);
    if (typeof plain !== 'number' || Math.abs(plain) <= Number.MAX_SAFE_INTEGER) return plain;
    if (written.length <= maxDigits && /^-?\d+$/.test(written)) return BigInt(written);
    inexact = true;
    return plain;
  }

  const read = value();
  return inexact ? undefined : read;
}
