import { constants, createPublicKey, verify } from 'node:crypto';
import type { PolicyVersion, PublicKey, Signer } from '@countersign/contracts';
import { canonicalize, type Digest, decodeBase64Url, type PolicyCandidateId, type RecordId } from '@countersign/kernel';

export type PolicySigner = Pick<Signer, 'current' | 'sign' | 'publicKeys'>;

/** The content of the signature of a version: the bundle, the people responsible, and the record. */
export interface Activation {
  readonly version: number;
  readonly hash: Digest;
  readonly publishedAt: string;
  readonly recordId: RecordId;
  readonly changeRequest: string;
  readonly proposedBy: string;
  readonly candidate: PolicyCandidateId | undefined;
  readonly approvedBy: string | undefined;
  readonly rolledBackTo: number | undefined;
}

/** The result of a signature check. */
type SignatureCheck = 'holds' | 'key-unknown' | 'wrong';

const purpose = 'policy-bundle';

/** Signs with the current key. */
export async function signActivation(
  activation: Activation,
  signer: PolicySigner,
): Promise<PolicyVersion['signature']> {
  const key = await signer.current(purpose);
  const { kid, algorithm, signature } = await signer.sign(purpose, key.kid, statementOf(activation), {
    record: activation.recordId,
  });
  return { kid, algorithm, value: Buffer.from(signature).toString('base64url') };
}

/** Whether one of our valid keys has signed exactly this activation. */
export async function checkSignature(
  activation: Activation,
  { kid, algorithm, value }: PolicyVersion['signature'],
  signer: PolicySigner,
): Promise<SignatureCheck> {
  const key = (await signer.publicKeys(purpose)).find((candidate) => candidate.kid === kid);
  if (key === undefined) return 'key-unknown';
  const bytes = decodeBase64Url(value);
  return key.algorithm === algorithm && bytes !== undefined && verifies(key, statementOf(activation), bytes)
    ? 'holds'
    : 'wrong';
}

/** The signed bytes. The first member distinguishes them from anything else that our keys sign. */
function statementOf(activation: Activation): Buffer {
  return Buffer.from(
    canonicalize({
      type: 'countersign-policy-version',
      v: 1,
      version: activation.version,
      hash: activation.hash,
      published_at: activation.publishedAt,
      record: activation.recordId,
      change_request: activation.changeRequest,
      candidate: activation.candidate ?? null,
      proposed_by: activation.proposedBy,
      approved_by: activation.approvedBy ?? null,
      rolled_back_to: activation.rolledBackTo ?? null,
    }),
  );
}

function verifies({ algorithm, jwk }: PublicKey, data: Buffer, signature: Buffer): boolean {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  switch (algorithm) {
    case 'ES256':
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'EdDSA':
      return verify(null, data, key, signature);
    case 'PS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    case 'RS256':
      // Only for ID tokens.
      return false;
    default:
      return algorithm satisfies never;
  }
}
