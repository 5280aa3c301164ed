import type { JwsHeader } from './jws.ts';

/**
 * RFC 7515 section 4.1.9: case-insensitive; `application/` may be omitted. @param accepted `undefined` permits a JWS
 * without `typ`
 */
export function hasType({ typ }: Pick<JwsHeader, 'typ'>, ...accepted: readonly (string | undefined)[]): boolean {
  const named = mediaTypeOf(typ);
  return accepted.some((type) => mediaTypeOf(type) === named);
}

/** ASCII only (RFC 6838 section 4.2): case folding must not map other letters to ASCII. */
function mediaTypeOf(typ: string | undefined): string | undefined {
  if (typ === undefined) return undefined;
  const lower = typ.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.includes('/') ? lower : `application/${lower}`;
}
