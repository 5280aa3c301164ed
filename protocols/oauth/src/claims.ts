import type { Json } from '@countersign/kernel';
import type { JsonObject } from './jws.ts';

/** FAPI 2.0 Security Profile section 5.3.2.1: a clock up to 10 s ahead must be borne with; nothing further is. */
export const clockLeadSeconds = 10;

/** A string member of 1 to `maxLength` characters, or undefined. */
export function readString(claims: JsonObject, name: string, maxLength: number): string | undefined {
  const value = member(claims, name);
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength ? value : undefined;
}

/** A NumericDate (RFC 7519 section 2) between 1970 and the year 9999, in seconds, or undefined. */
export function readSeconds(claims: JsonObject, name: string): number | undefined {
  const value = member(claims, name);
  return typeof value === 'number' && value >= 0 && value < 253_402_300_800 ? value : undefined;
}

/**
 * True when the claim is there but is no time, or is a time that lies further ahead than a bearable clock
 * difference: for `iat` and `nbf`, which are optional but never ignored.
 */
export function liesAhead(claims: JsonObject, name: string, nowSeconds: number): boolean {
  if (member(claims, name) === undefined) return false;
  const time = readSeconds(claims, name);
  return time === undefined || time > nowSeconds + clockLeadSeconds;
}

function member(claims: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
