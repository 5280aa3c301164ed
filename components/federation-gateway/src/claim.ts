import type { Json } from '@countersign/kernel';
import type { JsonObject } from '@countersign/oauth';

/** How far a partner's clock may be ahead of ours. */
export const clockSkewSeconds = 10;

/** Present and not null; inherited members are not claims. */
export function claimOf(claims: JsonObject, name: string): Json | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return value === null ? undefined : value;
}

export function textClaim(claims: JsonObject, name: string, maxLength: number): string | undefined {
  const value = claimOf(claims, name);
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength ? value : undefined;
}

/** RFC 7519 section 2, as whole seconds since the epoch. */
export function timeClaim(claims: JsonObject, name: string): number | undefined {
  const value = claimOf(claims, name);
  return typeof value === 'number' && value >= 0 && value < 253_402_300_800 ? Math.floor(value) : undefined;
}
