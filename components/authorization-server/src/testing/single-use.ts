import type { SingleUse, SingleUseClaim } from '@countersign/contracts';

/** Claims in memory: taken in one step, before anything is awaited, so that exactly one of many callers gets one. */
export function memorySingleUse(): SingleUse & {
  readonly claims: readonly SingleUseClaim[];
  failWith(error: Error | undefined): void;
} {
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
      const key = JSON.stringify([claim.purpose, claim.issuer, claim.id]);
      if (taken.has(key)) return 'replayed';
      taken.add(key);
      claims.push(claim);
      return 'claimed';
    },
  };
}
