import type { SingleUse, SingleUseClaim } from '@countersign/contracts';
import type { VerifiedClientAssertion, VerifiedProof } from '@countersign/oauth';
import { type RefusalReason, refuse } from '../refusal.ts';

/**
 * Takes the ids of assertion and proof, both at once. Only verified ones get here: a forger cannot burn ids. What
 * is taken stays taken, whatever becomes of the request.
 */
export async function claimCredentials(
  {
    assertion,
    proof,
  }: { readonly assertion: VerifiedClientAssertion | undefined; readonly proof: VerifiedProof | undefined },
  singleUse: SingleUse,
): Promise<void> {
  const claims: Promise<void>[] = [];
  if (assertion !== undefined)
    claims.push(
      claimOnce(
        { purpose: 'client-assertion', issuer: assertion.clientId, id: assertion.jti, expiresAt: assertion.expiresAt },
        'client_assertion_replayed',
        singleUse,
      ),
    );
  if (proof !== undefined)
    claims.push(
      claimOnce(
        { purpose: 'dpop-proof', issuer: proof.jkt, id: proof.jti, expiresAt: proof.expiresAt },
        'proof_replayed',
        singleUse,
      ),
    );
  await Promise.all(claims);
}

/** @throws CodedError of `oauthErrors` when somebody took the id before */
export async function claimOnce(claim: SingleUseClaim, reason: RefusalReason, singleUse: SingleUse): Promise<void> {
  if ((await singleUse.claim(claim)) === 'replayed') throw usedBefore(claim, reason);
}

export function usedBefore({ purpose }: SingleUseClaim, reason: RefusalReason): Error {
  return refuse(reason, `The ${described[purpose]} was used before; make a new one, with a new jti, for each request.`);
}

const described = {
  'client-assertion': 'client assertion',
  'dpop-proof': 'DPoP proof',
  'authorization-grant': 'assertion',
} as const satisfies Readonly<Record<SingleUseClaim['purpose'], string>>;
