import type { Client, ClientRequest } from '@countersign/contracts';
import { type KeyCache, type VerifiedProof, verifyProof } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

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
