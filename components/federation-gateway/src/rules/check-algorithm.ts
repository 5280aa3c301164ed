import type { TrustProfile } from '@countersign/contracts';
import type { JwsHeader } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/** The key's algorithm is checked with the signature. */
export function checkAlgorithm({ alg }: JwsHeader, { algorithms }: TrustProfile): void {
  if (!algorithms.includes(alg))
    throw refuse('assertion_algorithm', `The profile of its issuer does not allow ${alg}.`);
}
