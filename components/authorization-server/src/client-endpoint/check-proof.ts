import type { Client, ClientRequest, SingleUse, SingleUseClaim } from '@countersign/contracts';
import { type KeyCache, type VerifiedClientAssertion, type VerifiedProof, verifyProof } from '@countersign/oauth';
import { type RefusalReason, refuse } from '../refusal.ts';

/** Nonces of this server (RFC 9449 section 8), the same on all nodes. */
export interface Nonces {
  /** The current nonce. @param now milliseconds since the epoch */
  current(now: number): string;
  accepts(nonce: string, now: number): boolean;
  /** Whether a proof without a nonce is refused. */
  readonly required: boolean;
}

export interface ProofRules {
  /** Anybody can send proofs, so proof keys have their own cache: a flood of them cannot evict the keys of clients. */
  readonly proofKeys: KeyCache;
  readonly nonces?: Nonces;
}

/**
 * Verifies the request's proof of possession, as the endpoint requires. If a client's tokens are bound in another way, its
 * proof is refused: the client would wrongly believe that its token is bound to that key.
 *
 * @throws CodedError of `proofErrors`, or `invalid_dpop_proof`
 */
export async function checkProof(
  rule: 'required' | 'optional' | 'ignored',
  { client, request, now }: { readonly client: Client; readonly request: ClientRequest; readonly now: number },
  { proofKeys, nonces }: ProofRules,
): Promise<VerifiedProof | undefined> {
  if (rule === 'ignored') return undefined;
  if (rule === 'optional' && request.dpop.length === 0) return undefined;
  if (rule === 'required' && client.binding !== 'dpop') {
    if (request.dpop.length === 0) return undefined;
    throw refuse('proof_unexpected', 'The tokens of this client are not bound by DPoP: send no proof.');
  }
  const { method, url } = request;
  return nonces === undefined
    ? verifyProof(request.dpop, { method, url, keys: proofKeys, now })
    : verifyProof(request.dpop, {
        method,
        url,
        keys: proofKeys,
        now,
        nonce: { accepts: (nonce) => nonces.accepts(nonce, now), required: nonces.required },
      });
}

/**
 * Claims the ids of assertion and proof together. Only verified ones reach this point, so a forger cannot use up ids.
 * Claimed ids stay claimed even if the request fails.
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

/** @throws CodedError of `oauthErrors` if the id was already claimed */
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
