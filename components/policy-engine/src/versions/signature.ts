import { constants, createPublicKey, verify } from 'node:crypto';
import {
  type AuditLog,
  type PolicyBundle,
  type PolicyVersion,
  type PublicKey,
  policyErrors,
  type Signer,
} from '@countersign/contracts';
import {
  type CodedError,
  canonicalize,
  type Digest,
  decodeBase64Url,
  membersOf,
  type PolicyCandidateId,
  type RecordId,
} from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { hashOfBundle } from '../bundle/parts.ts';
import type { StoredVersion } from './store.ts';

export type PolicySigner = Pick<Signer, 'current' | 'sign' | 'publicKeys'>;

interface Activation {
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

type SignatureCheck = 'holds' | 'key-unknown' | 'wrong';

const purpose = 'policy-bundle';

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

async function checkSignature(
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

/**
 * Verifies that a stored version was activated: the bundle has its hash, and one of our keys has signed it. If the key was withdrawn,
 * the record of the activation is checked instead, and the version must be signed again.
 * @throws CodedError `bundle_signature`
 */
export async function verifyVersion(
  stored: StoredVersion,
  bundle: PolicyBundle,
  from: { readonly signer: PolicySigner; readonly audit: Pick<AuditLog, 'find'> },
): Promise<'signed' | 'recorded'> {
  const { activation, signature } = activationOf(stored);
  if (hashOfBundle(bundle) !== activation.hash) throw refused(activation, 'its bundle has another hash');
  const outcome = await checkSignature(activation, signature, from.signer);
  if (outcome === 'holds') return 'signed';
  if (outcome === 'wrong') throw refused(activation, 'its signature does not verify');
  if (await isRecorded(activation, from.audit)) return 'recorded';
  throw refused(activation, 'it is not signed by one of our keys');
}

async function isRecorded(activation: Activation, audit: Pick<AuditLog, 'find'>): Promise<boolean> {
  const record = (await audit.find(activation.recordId))?.record;
  if (record?.type !== 'policy.published' || record.source !== 'policy-engine') return false;
  const data = membersOf(record.data) ?? {};
  return (
    data['version'] === activation.version &&
    data['hash'] === activation.hash &&
    data['change_request'] === activation.changeRequest &&
    data['proposed_by'] === activation.proposedBy &&
    data['approved_by'] === activation.approvedBy &&
    data['candidate'] === activation.candidate &&
    data['rolled_back_to'] === activation.rolledBackTo
  );
}

function refused({ version }: Activation, why: string): CodedError {
  return policyErrors.error('bundle_signature', `Version ${version} of the policies is invalid: ${why}.`);
}

/** The version for readers. A version from before signed bundles has the algorithm `none`. */
export function shownVersion(stored: StoredVersion): PolicyVersion {
  const { version, hash, recordId, policies, governed } = stored;
  const publishedAt = stored.publishedAt.toISOString();
  if (governed === null)
    return {
      version,
      hash,
      publishedAt,
      recordId,
      changeRequest: 'release',
      proposedBy: 'service:countersign',
      policies,
      signature: { kid: '', algorithm: 'none', value: '' },
    };
  const { changeRequest, proposedBy, approvedBy, rolledBackTo, signature } = governed;
  return {
    version,
    hash,
    publishedAt,
    recordId,
    changeRequest,
    proposedBy,
    ...(approvedBy === null ? {} : { approvedBy }),
    ...(rolledBackTo === null ? {} : { rolledBackTo }),
    policies,
    signature,
  };
}

export function activationOf({ version, hash, publishedAt, recordId, governed }: StoredVersion): {
  readonly activation: Activation;
  readonly signature: PolicyVersion['signature'];
} {
  if (governed === null)
    throw policyErrors.error('bundle_signature', `Version ${version} of the policies is not signed.`);
  const { changeRequest, candidate, proposedBy, approvedBy, rolledBackTo, signature } = governed;
  return {
    activation: {
      version,
      hash,
      publishedAt: publishedAt.toISOString(),
      recordId,
      changeRequest,
      proposedBy,
      candidate: candidate ?? undefined,
      approvedBy: approvedBy ?? undefined,
      rolledBackTo: rolledBackTo ?? undefined,
    },
    signature,
  };
}

/** All policies; ids of application models are prefixed with their namespace. */
export function policiesOf({ parsed, applications }: LoadedBundle): PolicyVersion['policies'] {
  return [
    ...parsed.policies.map(({ id, effect, text }) => ({ id, effect, text })),
    ...[...applications].flatMap(([namespace, { loaded }]) =>
      loaded.parsed.policies.map(({ id, effect, text }) => ({ id: `${namespace}::${id}`, effect, text })),
    ),
  ];
}
