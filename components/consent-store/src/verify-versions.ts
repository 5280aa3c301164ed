import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Mandate, PublicKey } from '@countersign/contracts';
import { decodeBase64Url, digestOf, isCodedError } from '@countersign/kernel';
import { termsDigestOf } from './terms.ts';

export type VersionFault =
  | 'digest'
  | 'chain'
  | 'signature-missing'
  | 'signature-key-unknown'
  | 'signature-wrong'
  | 'consent-terms'
  | 'parent';

export type VerifiedVersions =
  | { readonly ok: true; readonly signedFrom: number | undefined }
  | { readonly ok: false; readonly version: number; readonly fault: VersionFault };

type VerificationKey = Pick<PublicKey, 'kid' | 'algorithm' | 'jwk'>;

/**
 * Verifies a mandate's history offline: the digest of each version, their chain, signatures, consents and, if given, the
 * parent. Versions of early releases are unsigned; after the first signed version, every version must be signed.
 * @param versions all versions, oldest first, with exactly their original members
 * @param keys as served under `/mandates/keys`
 * @param parents versions of the parent mandates, in any order
 * @returns the first invalid version, or the first signed version
 */
export function verifyMandateVersions(
  versions: readonly Mandate[],
  keys: readonly VerificationKey[],
  parents?: readonly Mandate[],
): VerifiedVersions {
  const known = readKeys(keys);
  let previous: Mandate | undefined;
  let signedFrom: number | undefined;
  for (const version of versions) {
    const fault =
      digestFault(version) ??
      chainFault(version, previous) ??
      signatureFault(version, known, signedFrom !== undefined) ??
      consentFault(version) ??
      parentFault(version, parents);
    if (fault !== undefined) return { ok: false, version: version.version, fault };
    if (version.signature !== undefined) signedFrom ??= version.version;
    previous = version;
  }
  return { ok: true, signedFrom };
}

type ReadKeys = ReadonlyMap<string, VerificationKey & { readonly key: KeyObject | undefined }>;

export function readKeys(keys: readonly VerificationKey[]): ReadKeys {
  return new Map(keys.map((key) => [key.kid, { ...key, key: publicKeyOf(key) }]));
}

/** Verifies the digest and signature of one version. */
export function sealFault(version: Mandate, keys: ReadKeys, signatureRequired: boolean): VersionFault | undefined {
  return digestFault(version) ?? signatureFault(version, keys, signatureRequired);
}

function digestFault({ digest, signature: _, ...covered }: Mandate): VersionFault | undefined {
  try {
    if (digestOf(covered) === digest) return undefined;
    // Versions of earlier releases had no consents and are read with an empty list.
    const { consents, ...before } = covered;
    return consents?.length === 0 && digestOf(before) === digest ? undefined : 'digest';
  } catch (error) {
    if (isCodedError(error, 'not_canonicalizable')) return 'digest';
    throw error;
  }
}

function chainFault(version: Mandate, previous: Mandate | undefined): VersionFault | undefined {
  return version.version === (previous?.version ?? 0) + 1 &&
    version.previousDigest === previous?.digest &&
    (previous === undefined || version.id === previous.id)
    ? undefined
    : 'chain';
}

function signatureFault({ digest, signature }: Mandate, keys: ReadKeys, required: boolean): VersionFault | undefined {
  if (signature === undefined) return required ? 'signature-missing' : undefined;
  const known = keys.get(signature.kid);
  if (known?.key === undefined) return 'signature-key-unknown';
  const bytes = decodeBase64Url(signature.value);
  return bytes !== undefined &&
    known.algorithm === signature.algorithm &&
    verifies(known.algorithm, known.key, Buffer.from(digest), bytes)
    ? undefined
    : 'signature-wrong';
}

function consentFault(version: Mandate): VersionFault | undefined {
  const terms = termsDigestOf(version);
  const { consents, amendment } = version;
  if (consents?.some(({ termsDigest }) => termsDigest !== terms)) return 'consent-terms';
  if (amendment === undefined) return undefined;
  const proposed = termsDigestOf(amendment.terms);
  return amendment.termsDigest === proposed && amendment.consents.every(({ termsDigest }) => termsDigest === proposed)
    ? undefined
    : 'consent-terms';
}

function parentFault({ parent }: Mandate, parents: readonly Mandate[] | undefined): VersionFault | undefined {
  if (parent?.digest === undefined || parents === undefined) return undefined;
  const found = parents.find(({ id, version }) => id === parent.id && version === parent.version);
  // The parent must match its own digest too.
  return found !== undefined && found.digest === parent.digest && digestFault(found) === undefined
    ? undefined
    : 'parent';
}

function publicKeyOf({ jwk }: VerificationKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    // A key that cannot be read verifies nothing.
    return undefined;
  }
}

function verifies(algorithm: PublicKey['algorithm'], key: KeyObject, data: Buffer, signature: Buffer): boolean {
  switch (algorithm) {
    case 'ES256':
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'EdDSA':
      return verify(null, data, key, signature);
    case 'PS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    case 'RS256':
      // For ID tokens alone.
      return false;
    default:
      return algorithm satisfies never;
  }
}
