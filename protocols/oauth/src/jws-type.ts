import type { JwsHeader } from './jws.ts';

/**
 * Whether the caller accepts the `typ` of a JWS (RFC 7515 section 4.1.9). Media types are compared case-insensitively, and
 * `application/` may be omitted if the type has no other slash.
 *
 * @param accepted accepted types; `undefined` permits a JWS without `typ`
 */
export function hasType({ typ }: Pick<JwsHeader, 'typ'>, ...accepted: readonly (string | undefined)[]): boolean {
  const named = mediaTypeOf(typ);
  return accepted.some((type) => mediaTypeOf(type) === named);
}

/** Media types are ASCII (RFC 6838 section 4.2), so case folding must not map other letters to ASCII. */
function mediaTypeOf(typ: string | undefined): string | undefined {
  if (typ === undefined) return undefined;
  const lower = typ.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.includes('/') ? lower : `application/${lower}`;
}
