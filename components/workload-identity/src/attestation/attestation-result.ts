import type { WorkloadFactName } from '@countersign/contracts';
import { type Json, membersOf } from '@countersign/kernel';
import { type IssuerKeys, refusedEvidence, verifySignedClaims } from './signed-claims.ts';

/** A verifier of hardware evidence (RFC 9334), such as Veraison or Trustee, run by the operator. */
export interface ResultVerifier {
  readonly issuer: string;
  readonly keys: IssuerKeys;
}

/**
 * An EAT attestation result (draft-ietf-rats-ear): every appraised part is affirming. The nonce is the digest of the
 * key in the certificate request, so the result is valid for no other key.
 * @param key SHA-256 of the subject public key info, base64url; undefined when no certificate is asked for
 */
export async function readAttestationResult(
  token: string,
  verifiers: readonly ResultVerifier[],
  { key, now }: { readonly key: string | undefined; readonly now: number },
): Promise<Partial<Record<WorkloadFactName, string>>> {
  let refusal: unknown = refusedEvidence('No verifier of attestation results is configured.');
  for (const { issuer, keys } of verifiers)
    try {
      const claims = await verifySignedClaims(token, {
        ...{ what: 'attestation result', issuer, keys, now, maxAgeSeconds: 300 },
      });
      const nonces = claims['eat_nonce'];
      if (key === undefined || ![nonces].flat().includes(key))
        throw refusedEvidence('The attestation result is for another key.');
      const parts = Object.values(membersOf(claims['submods']) ?? {}).map(statusOf);
      const worst = parts.find((status) => status !== 'affirming');
      if (parts.length === 0 || worst !== undefined)
        throw refusedEvidence(`The verifier's appraisal is ${worst ?? 'missing'}; it must be affirming.`);
      return { 'platform-status': 'affirming', 'platform-verifier': issuer };
    } catch (error) {
      refusal = error;
    }
  throw refusal;
}

const statuses: Readonly<Record<string, string>> = {
  '0': 'none',
  '2': 'affirming',
  '32': 'warning',
  '96': 'contraindicated',
};

/** AR4SI trust tiers: a name or a number. */
function statusOf(part: Json): string {
  const status = membersOf(part)?.['ear.status'];
  if (typeof status === 'string') return status;
  return statuses[String(status)] ?? 'unknown';
}
