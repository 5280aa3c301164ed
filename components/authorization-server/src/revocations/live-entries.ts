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

/** One thing that has ended. */
export interface EndedEntry {
  readonly key: Digest;
  /** Seconds since the epoch at which it ended. */
  readonly at: number;
  /** Seconds since the epoch: what was issued until then is dead. */
  readonly before: number;
  /** It had ended and begins anew: what is issued from `before` on stands again, and nothing that is older. */
  readonly beginsAnew?: true;
}

/** Kept this much longer than the longest token, for clocks that differ. */
const clockDifferenceSeconds = 60;

/**
 * What was ended just now is kept for as long as a token lives, whatever the clock says meanwhile: one that runs ahead for a
 * moment and is put back must not bring a revoked token back to life.
 */
export const keptAtLeastMs = (maxAccessTokenLifetimeSeconds + clockLeadSeconds + clockDifferenceSeconds) * 1000;

/** Seconds since the epoch until which some token that the entry ends could be alive. */
export function lastNeededSeconds({ before }: Pick<EndedEntry, 'before'>): number {
  return before + maxAccessTokenLifetimeSeconds + clockDifferenceSeconds;
}

/**
 * What has ended, for as long as a token could still be alive that it ends. As tokens live five minutes, that is a
 * short list however much was ever revoked.
 *
 * When more ends within that time than a list can name, everything that was issued so far ends: clients ask anew, and
 * nobody has to close because there is no list.
 *
 * @param elapsedMs milliseconds by a clock that nobody sets
 */
export function createLiveEntries(elapsedMs: () => number = () => performance.now()) {
  const revoked = new Map<Digest, number>();
  /** When each was last applied, by `elapsedMs`. */
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
      // The seconds that were added for clocks that differ reach past a new beginning; the ending itself does not.
      if (beginsAnew === true) {
        if (known !== undefined) revoked.set(key, Math.min(known, Math.max(known - clockLeadSeconds, before - 1)));
      } else if (known === undefined || before > known) revoked.set(key, before);
      if (revoked.has(key)) appliedAt.set(key, elapsedMs());
    },
    /** What ends a token with these claims; undefined while it stands. */
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
