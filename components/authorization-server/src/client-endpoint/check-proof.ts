import type { Client, ClientRequest, SingleUse, SingleUseClaim } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type KeyCache, type VerifiedClientAssertion, type VerifiedProof, verifyProof } from '@countersign/oauth';
import { type RefusalReason, refuse } from '../refusal.ts';
import type { WorkloadAssertion } from './workload-credentials.ts';

/** RFC 9449 section 8; the same on all nodes. */
export interface Nonces {
  /** @param now milliseconds since the epoch */
  current(now: number): string;
  accepts(nonce: string, now: number): boolean;
  /** Otherwise a proof may omit the nonce. */
  readonly required: boolean;
}

export interface ProofRules {
  /** Not shared with the keys of clients. */
  readonly proofKeys: KeyCache;
  readonly nonces?: Nonces;
}

/** A proof is refused if the client's tokens are bound in another way. @throws CodedError of `proofErrors`, or `invalid_dpop_proof` */
export async function checkProof(
  rule: 'required' | 'optional' | 'ignored',
  { client, request, now }: { readonly client: Client; readonly request: ClientRequest; readonly now: number },
  { proofKeys, nonces }: ProofRules,
): Promise<VerifiedProof | undefined> {
  if (rule === 'ignored') return undefined;
  if (rule === 'optional' && request.dpop.length === 0) return undefined;
  if (rule === 'required' && client.binding !== 'dpop') {
    if (request.dpop.length === 0) return undefined;
    throw refuse('proof_unexpected', 'The tokens of this client are not bound by DPoP. Do not send a proof.');
  }
  const { method, url } = request;
  const nonce = nonces && { accepts: (text: string) => nonces.accepts(text, now), required: nonces.required };
  return verifyProof(request.dpop, { method, url, keys: proofKeys, now, ...defined({ nonce }) });
}

/** Claims verified ids only, so that a forger cannot use them up. They stay claimed if the request fails. */
export async function claimCredentials(
  verified: {
    readonly client: string;
    readonly assertion: VerifiedClientAssertion | undefined;
    readonly workloadAssertion?: WorkloadAssertion | undefined;
    readonly proof: VerifiedProof | undefined;
  },
  singleUse: SingleUse,
): Promise<void> {
  const { client, assertion, workloadAssertion, proof } = verified;
  const claims: Promise<void>[] = [];
  if (assertion !== undefined)
    claims.push(
      claimOnce(
        { purpose: 'client-assertion', issuer: assertion.clientId, id: assertion.jti, expiresAt: assertion.expiresAt },
        'client_assertion_replayed',
        singleUse,
      ),
    );
  if (workloadAssertion !== undefined) {
    const { jti: id, expiresAt } = workloadAssertion;
    claims.push(
      claimOnce({ purpose: 'client-assertion', issuer: client, id, expiresAt }, 'client_assertion_replayed', singleUse),
    );
  }
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
  return refuse(reason, `The ${described[purpose]} was used before. Make a new one, with a new jti, for each request.`);
}

const described = {
  'client-assertion': 'client assertion',
  'dpop-proof': 'DPoP proof',
  'authorization-grant': 'assertion',
} as const satisfies Readonly<Record<SingleUseClaim['purpose'], string>>;
