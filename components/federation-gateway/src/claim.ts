import type { Json } from '@countersign/kernel';
import type { JsonObject } from '@countersign/oauth';

/** Clocks of partners may run this far ahead of ours, in seconds. */
export const clockSkewSeconds = 10;

/** A claim that is there and says something; inherited members are not claims. */
export function claimOf(claims: JsonObject, name: string): Json | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return value === null ? undefined : value;
}

/** Text of 1 to `maxLength` characters, or undefined. */
export function textClaim(claims: JsonObject, name: string, maxLength: number): string | undefined {
  const value = claimOf(claims, name);
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength ? value : undefined;
}

/** A NumericDate (RFC 7519 section 2) as whole seconds since the epoch, or undefined. */
export function timeClaim(claims: JsonObject, name: string): number | undefined {
  const value = claimOf(claims, name);
  return typeof value === 'number' && value >= 0 && value < 253_402_300_800 ? Math.floor(value) : undefined;
}
