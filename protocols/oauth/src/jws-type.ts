import type { JwsHeader } from './jws.ts';

/**
 * Whether the `typ` of a JWS is one of those that the caller accepts (RFC 7515 section 4.1.9): a media type, compared without
 * regard to case, and `application/` may be left out where there is no other slash. Nothing else is accepted in its place.
 *
 * @param accepted `undefined` among them accepts a JWS without `typ`
 */
export function hasType({ typ }: Pick<JwsHeader, 'typ'>, ...accepted: readonly (string | undefined)[]): boolean {
  const named = mediaTypeOf(typ);
  return accepted.some((type) => mediaTypeOf(type) === named);
}

/** Media types are ASCII (RFC 6838 section 4.2): other letters are never folded into one. */
function mediaTypeOf(typ: string | undefined): string | undefined {
  if (typ === undefined) return undefined;
  const lower = typ.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.includes('/') ? lower : `application/${lower}`;
}
