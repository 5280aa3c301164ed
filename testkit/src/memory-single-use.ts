import type { SingleUse, SingleUseClaim } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { steppedBack } from '@countersign/runtime';

export interface MemorySingleUse extends SingleUse {
  /** What was claimed, oldest first. */
  readonly claims: readonly SingleUseClaim[];
  /** Makes each claim fail with this error; undefined restores them. */
  failWith(error: Error | undefined): void;
}

/** Longer lifetimes end after any time that a clock here can show. */
const longestLifeMs = 15 * 60_000;

/** Claims in memory: made in one step before anything is awaited, so that exactly one of many callers gets one. */
export function createMemorySingleUse(clock: Clock): MemorySingleUse {
  const taken = new Set<string>();
  const claims: SingleUseClaim[] = [];
  let failure: Error | undefined;
  return {
    claims,
    failWith(error) {
      failure = error;
    },
    async claim(claim) {
      if (failure !== undefined) throw failure;
      if (claim.expiresAt > clock.now() + longestLifeMs) throw steppedBack();
      const key = JSON.stringify([claim.purpose, claim.issuer, claim.id]);
      if (taken.has(key)) return 'replayed';
      taken.add(key);
      claims.push(claim);
      return 'claimed';
    },
  };
}
