import type { Client, ClientRequest, SingleUse, SingleUseClaim } from '@countersign/contracts';
import { type KeyCache, type VerifiedClientAssertion, type VerifiedProof, verifyProof } from '@countersign/oauth';
import { type RefusalReason, refuse } from '../refusal.ts';

/** Nonces of this server (RFC 9449 section 8), the same on all nodes. */
export interface Nonces {
  /** The nonce to use from now on. @param now milliseconds since the epoch */
  current(now: number): string;
  accepts(nonce: string, now: number): boolean;
  /** Whether a proof without one is refused. */
  readonly required: boolean;
}

export interface ProofRules {
  /** Keys of proofs come from whoever asks: a cache of their own, so that a flood of them evicts no client's. */
  readonly proofKeys: KeyCache;
  readonly nonces?: Nonces;
}

/**
 * The proof of possession of this request, by the rule of the endpoint. A client whose tokens are bound otherwise is
 * refused where it brings a proof that would count for nothing: it would believe its token bound to that key.
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
