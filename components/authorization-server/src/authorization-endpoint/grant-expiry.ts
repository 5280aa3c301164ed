import type { Client, GrantTerms } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';

const dayMs = 24 * 60 * 60_000;

/** How long consents last, in days. */
export interface ConsentLifetimes {
  /** With `offline_access`, and for ordinary relying parties: until it is asked for again. */
  readonly lasting: number;
  /** For software that acts while the person is there. */
  readonly once: number;
}

export const defaultConsentLifetimes: ConsentLifetimes = { lasting: 90, once: 1 };

/** When a consent ends: never after the last of its intents. Milliseconds since the epoch. */
export function grantExpiry(
  terms: GrantTerms,
  { client, now, lifetimes }: { readonly client: Client; readonly now: number; readonly lifetimes: ConsentLifetimes },
): number {
  const lasts = client.profile === 'oidc' || terms.scopes.includes('offline_access');
  const end = now + (lasts ? lifetimes.lasting : lifetimes.once) * dayMs;
  if (terms.details.length === 0) return end;
  const lastIntent = Math.max(...terms.details.map((detail) => parseInstant(detail.not_after) ?? 0));
  return Math.min(end, lastIntent);
}
