import type { IssuedCertificate } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';

/** RFC 9773 section 4.2. Times are milliseconds since the epoch. */
export interface RenewalWindow {
  readonly start: number;
  readonly end: number;
  /** When to ask again, in seconds. */
  readonly retryAfterSeconds: number;
}

const shortestRetrySeconds = 60;
const longestRetrySeconds = 6 * 3_600;

/**
 * From two thirds to five sixths of the lifetime. Clients choose a time in between, so their requests are spread out.
 * For a revoked certificate the window is in the past: renew now.
 */
export function renewalWindowOf(
  {
    status,
    notBefore,
    notAfter,
    revokedAt,
  }: Pick<IssuedCertificate, 'status' | 'notBefore' | 'notAfter' | 'revokedAt'>,
  now: number,
): RenewalWindow {
  const [from, until] = [parseInstant(notBefore) ?? 0, parseInstant(notAfter) ?? 0];
  const life = until - from;
  const retryAfterSeconds = Math.round(
    Math.min(longestRetrySeconds, Math.max(shortestRetrySeconds, life / 1_000 / 24)),
  );
  if (status === 'revoked') {
    const end = Math.min(parseInstant(revokedAt ?? '') ?? now, now);
    return { start: end - shortestRetrySeconds * 1_000, end, retryAfterSeconds };
  }
  return { start: until - life / 3, end: until - life / 6, retryAfterSeconds };
}
