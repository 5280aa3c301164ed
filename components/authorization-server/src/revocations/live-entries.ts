import type { Digest } from '@countersign/kernel';
import {
  clockLeadSeconds,
  everythingKey,
  maxAccessTokenLifetimeSeconds,
  maxRevocationEntries,
  type RevocableClaims,
  type RevocationEntry,
  type RevocationKind,
  revokedBy,
} from '@countersign/oauth';

export interface EndedEntry {
  readonly key: Digest;
  /** Seconds since the epoch. */
  readonly at: number;
  /** Seconds since the epoch; everything issued until then is invalid. */
  readonly before: number;
  /** The target was restored: what is issued after `before` is valid. */
  readonly restored?: true;
}

/** Tolerated difference between the clocks of two nodes. */
const clockDifferenceSeconds = 60;

/** By a monotonic clock: a wall clock that is set back must not make a revoked token valid again. */
export const keptAtLeastMs = (maxAccessTokenLifetimeSeconds + clockLeadSeconds + clockDifferenceSeconds) * 1000;

/** Seconds since the epoch. */
export function lastNeededSeconds({ before }: Pick<EndedEntry, 'before'>): number {
  return before + maxAccessTokenLifetimeSeconds + clockDifferenceSeconds;
}

/**
 * Kept while an affected token could still be valid. If a list would become too long, everything issued so far ends, and clients
 * request new tokens.
 *
 * @param elapsedMs milliseconds on a monotonic clock
 */
export function createLiveEntries(elapsedMs: () => number = () => performance.now()) {
  const revoked = new Map<Digest, number>();
  /** By `elapsedMs`. */
  const appliedAt = new Map<Digest, number>();
  return {
    apply({ key, at, before, restored }: EndedEntry): void {
      const known = revoked.get(key);
      if (known === undefined && restored !== true && revoked.size >= maxRevocationEntries) {
        revoked.clear();
        appliedAt.clear();
        revoked.set(everythingKey, at + clockLeadSeconds);
        appliedAt.set(everythingKey, elapsedMs());
      }
      // The allowance for clock differences ends with the restoration.
      if (restored === true) {
        if (known !== undefined) revoked.set(key, Math.min(known, Math.max(known - clockLeadSeconds, before - 1)));
      } else if (known === undefined || before > known) revoked.set(key, before);
      if (revoked.has(key)) appliedAt.set(key, elapsedMs());
    },
    /** Undefined if the token is valid. */
    endedBy: (claims: RevocableClaims): RevocationKind | undefined => revokedBy(revoked, claims),
    forgetBefore(nowSeconds: number): void {
      for (const [key, before] of revoked) {
        if (nowSeconds <= lastNeededSeconds({ before }) || elapsedMs() - (appliedAt.get(key) ?? 0) < keptAtLeastMs)
          continue;
        revoked.delete(key);
        appliedAt.delete(key);
      }
    },
    all: (): readonly RevocationEntry[] => [...revoked].map(([key, before]) => ({ key, before })),
  };
}
