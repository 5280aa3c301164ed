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

/** One target that has ended. */
export interface EndedEntry {
  readonly key: Digest;
  /** Seconds since the epoch at which it ended. */
  readonly at: number;
  /** Seconds since the epoch: everything issued up to this time is invalid. */
  readonly before: number;
  /** The target ended and was restored: what is issued after `before` is valid, and nothing older. */
  readonly beginsAnew?: true;
}

/** Entries are kept this much longer than the longest token, to allow for clock differences. */
const clockDifferenceSeconds = 60;

/**
 * A recent entry is kept for the lifetime of a token, independent of the wall clock: a clock that jumps ahead and is set
 * back must not make a revoked token valid again.
 */
export const keptAtLeastMs = (maxAccessTokenLifetimeSeconds + clockLeadSeconds + clockDifferenceSeconds) * 1000;

/** Seconds since the epoch until which a token that the entry ends could still be valid. */
export function lastNeededSeconds({ before }: Pick<EndedEntry, 'before'>): number {
  return before + maxAccessTokenLifetimeSeconds + clockDifferenceSeconds;
}

/**
 * Everything that has ended, kept for as long as an affected token could still be valid. Tokens live for five minutes, so
 * the list stays short.
 *
 * If more targets end within that time than a list can hold, everything issued so far ends. Clients then request new tokens,
 * and enforcement points do not have to close for lack of a list.
 *
 * @param elapsedMs milliseconds on a monotonic clock
 */
export function createLiveEntries(elapsedMs: () => number = () => performance.now()) {
  const revoked = new Map<Digest, number>();
  /** When each entry was last applied, by `elapsedMs`. */
  const appliedAt = new Map<Digest, number>();
  return {
    apply({ key, at, before, beginsAnew }: EndedEntry): void {
      const known = revoked.get(key);
      if (known === undefined && beginsAnew !== true && revoked.size >= maxRevocationEntries) {
        revoked.clear();
        appliedAt.clear();
        revoked.set(everythingKey, at + clockLeadSeconds);
        appliedAt.set(everythingKey, elapsedMs());
      }
      // The allowance for clock differences may extend past the restoration; the ending itself does not.
      if (beginsAnew === true) {
        if (known !== undefined) revoked.set(key, Math.min(known, Math.max(known - clockLeadSeconds, before - 1)));
      } else if (known === undefined || before > known) revoked.set(key, before);
      if (revoked.has(key)) appliedAt.set(key, elapsedMs());
    },
    /** The entry that ends a token with these claims; undefined if the token is valid. */
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
