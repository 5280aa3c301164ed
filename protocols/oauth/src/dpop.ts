import { type Brand, isCodedError, sha256Base64Url } from '@countersign/kernel';
import { type ClaimRefusal, checkClaims, clockLeadSeconds, readString } from './claims.ts';
import { proofErrors } from './errors.ts';
import { normalizeHttpUri } from './http-uri.ts';
import { hasType, type JsonObject, type JwsRefusal, parseCompactJws, verifyJwsAside } from './jws.ts';
import type { KeyCache, Thumbprint, VerificationKey } from './key-cache.ts';

export const proofLifetimeSeconds = 60;

/** Counts only after the caller claims the `jti`. */
export type VerifiedProof = Brand<
  {
    readonly jti: string;
    /** As in `cnf.jkt`. */
    readonly jkt: Thumbprint;
    /** Seconds since the epoch, by the prover's clock. */
    readonly issuedAt: number;
    /** Milliseconds since the epoch. The `jti` must stay claimed until then. */
    readonly expiresAt: number;
  },
  'VerifiedProof'
>;

/** RFC 9449 section 4.3, step 10. */
export interface NonceCheck {
  /** Whether the server issued it recently. */
  accepts(nonce: string): boolean;
  /** An unacceptable nonce is always refused. */
  readonly required: boolean;
}

export interface ProofExpectations {
  readonly method: string;
  /** Configured, never from a Host header. Query and fragment are ignored. */
  readonly url: string;
  readonly keys: KeyCache;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** At a resource: the proof must contain its hash. */
  readonly accessToken?: string;
  /** Absent if the server issues no nonces. */
  readonly nonce?: NonceCheck;
}

const codeOfProblem = {
  malformed: 'proof_malformed',
  algorithm: 'proof_algorithm',
  signature: 'proof_signature',
} as const;
const refuseJws: JwsRefusal = (problem, detail) => refuse(codeOfProblem[problem], detail);
const refuseClaims: ClaimRefusal = (fault, detail) => refuse(fault === 'id' ? 'proof_id' : 'proof_time', detail);

/**
 * In the order of RFC 9449 section 4.3. The caller must claim the `jti` for the key `jkt`. @param headers all values of
 * the `DPoP` header @throws CodedError of {@link proofErrors}; answer `proof_nonce` with a nonce
 */
export async function verifyProof(headers: readonly string[], expected: ProofExpectations): Promise<VerifiedProof> {
  const [proof, another] = headers;
  if (proof === undefined)
    throw proofErrors.error('proof_missing', 'The request must carry a DPoP proof (RFC 9449) in the DPoP header.');
  if (another !== undefined)
    throw proofErrors.error('proof_repeated', 'The request must carry exactly one DPoP header.');
  const jws = parseCompactJws(proof, refuseJws, { keyInHeader: true });
  if (!hasType(jws.header, 'dpop+jwt')) throw refuse('proof_type', 'Its typ must be dpop+jwt.');
  const key = importProofKey(expected.keys, jws.header.jwk);
  const claims = await verifyJwsAside(jws, key, refuseJws);
  if (claims['htm'] !== expected.method) throw refuse('proof_method', `Its htm must be ${expected.method}.`);
  checkUrl(claims, expected.url);
  checkNonce(claims, expected.nonce);
  const { iat: issuedAt, jti } = checkClaims(
    claims,
    { nowSeconds: expected.now / 1000, required: ['iat', 'jti'], maxAgeSeconds: proofLifetimeSeconds },
    refuseClaims,
  );
  if (expected.accessToken !== undefined && claims['ath'] !== sha256Base64Url(expected.accessToken))
    throw refuse('proof_token_hash', 'Its ath must be the hash of the access token it comes with.');
  const expiresAt = (issuedAt + proofLifetimeSeconds + clockLeadSeconds) * 1000;
  return { jti, jkt: key.thumbprint, issuedAt, expiresAt } as VerifiedProof;
}

function importProofKey(keys: KeyCache, jwk: unknown): VerificationKey {
  try {
    return keys.import(jwk);
  } catch (error) {
    if (isCodedError(error)) throw refuse('proof_key', `Its jwk cannot be used: ${error.detail}`);
    throw error;
  }
}

function checkUrl(claims: JsonObject, url: string): void {
  const htu = readString(claims, 'htu', 2_048);
  // Nearly every client sends the URL exactly as configured.
  if (htu === url) return;
  const normalized = htu === undefined ? undefined : normalizeHttpUri(htu);
  if (normalized === undefined || normalized !== normalizeHttpUri(url))
    throw refuse('proof_url', 'Its htu must be the URL of this request, without query and fragment.');
}

/** Checked before the time, so that a client with a wrong clock learns that it needs a nonce. */
function checkNonce(claims: JsonObject, check: NonceCheck | undefined): void {
  if (check === undefined) return;
  const nonce = readString(claims, 'nonce', 512);
  if (claims['nonce'] === undefined) {
    if (check.required) throw refuse('proof_nonce', 'It must carry the nonce that the answer gives in DPoP-Nonce.');
  } else if (nonce === undefined || !check.accepts(nonce))
    throw refuse('proof_nonce', 'Its nonce is not, or no longer, one of ours; use the one in DPoP-Nonce.');
}

function refuse(code: keyof typeof proofErrors.codes, detail: string) {
  return proofErrors.error(code, `The DPoP proof is not accepted. ${detail}`);
}
