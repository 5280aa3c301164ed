import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isCodedError } from '@countersign/kernel';
import { assembleCertificate, buildTbsCertificate } from '../certificates/build-certificate.ts';
import { keyIdentifierOf } from '../certificates/build-extensions.ts';
import { encodeDirectoryName } from '../certificates/build-names.ts';
import { type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { basicConstraintsOf, extendedKeyUsageOf } from '../certificates/extensions.ts';
import { x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { policiesOf } from '../path/policies.ts';
import { type ValidatedPath, validatePath } from '../path/validate-path.ts';
import { signatureSchemeOf } from '../signatures/algorithms.ts';
import { type CertificateFinding, lintCertificate, readToBeSigned } from './lint-certificate.ts';

export interface IssuanceCheck {
  /**
   * All faults of a to-be-signed certificate: those of `lintCertificate`, and whether relying parties would accept it
   * from now until it expires.
   * @param now milliseconds since the epoch
   */
  findFaults(toBeSigned: Uint8Array, now: number): readonly CertificateFinding[];
}

/**
 * Rehearses issuing with throw-away keys for the whole chain: one signs the certificate, and the path is validated as a
 * relying party would. The real constraints of every authority apply, and no real key signs anything.
 * @param chain the issuing authority first, the trust anchor last
 * @throws CodedError `algorithm_unsupported`, `key_weak` for the key of an authority
 */
export function createIssuanceCheck(chain: readonly ParsedCertificate[]): IssuanceCheck {
  const [issuer] = chain;
  if (issuer === undefined) throw new Error('an issuance check needs the certificate of the issuing authority');
  const keys = chain.map(({ publicKey }) => generateSuchKey(publicKey));
  const [issuerKey] = keys;
  const copies = chain.map((certificate, index) => {
    const above = keys[index + 1];
    return {
      ...certificate,
      publicKey: (keys[index] ?? issuerKey)?.publicKey ?? certificate.publicKey,
      // The anchor's own signature is not verified.
      signature: above === undefined ? certificate.signature : signLike(certificate, above.privateKey),
    };
  });
  const anchors = copies.slice(-1);

  function validate(leaf: ParsedCertificate, above: readonly ParsedCertificate[], at: number): ValidatedPath {
    const intermediates = [...above, ...copies.slice(0, -1)];
    const purposes = extendedKeyUsageOf(leaf)?.purposes ?? [];
    const policies = [...policiesOf(leaf)].filter((policy) => policy !== oid.anyPolicy);
    return validatePath(leaf, { anchors, intermediates, at, purposes, policies });
  }

  /** @returns why a relying party would refuse the certificate now or when it expires */
  function findPathFault(certificate: ParsedCertificate, now: number): string | undefined {
    try {
      for (const at of [Math.max(now, certificate.notBefore), certificate.notAfter]) {
        const verdict = basicConstraintsOf(certificate).authority
          ? validateBelow(certificate, at, validate)
          : validate(certificate, [], at);
        if (!verdict.ok) return verdict.detail;
      }
      return undefined;
    } catch (error) {
      if (!isCodedError(error)) throw error;
      return error.detail;
    }
  }

  return {
    findFaults(toBeSigned, now) {
      const findings = lintCertificate(toBeSigned, { issuer, now });
      if (findings.some(({ rule }) => rule === 'encoding' || rule === 'signature_algorithm')) return findings;
      const unsigned = readToBeSigned(toBeSigned);
      if (issuerKey === undefined) return findings;
      const signature = signLike(unsigned, issuerKey.privateKey);
      const detail = findPathFault({ ...unsigned, signature }, now);
      return detail === undefined ? findings : [...findings, { rule: 'path', detail }];
    },
  };
}

/**
 * An authority is usable if a certificate below it is valid. The test certificate has no names and all its policies.
 */
function validateBelow(
  authority: ParsedCertificate,
  at: number,
  validate: (leaf: ParsedCertificate, above: readonly ParsedCertificate[], at: number) => ValidatedPath,
): ValidatedPath {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const copy = { ...authority, publicKey: spkiOf(publicKey) };
  const key = spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const policies = [...policiesOf(authority)].filter((policy) => policy !== oid.anyPolicy);
  const toBeSigned = buildTbsCertificate({
    serial: 1n,
    algorithm: 'ES256',
    issuer: authority.subject,
    subject: encodeDirectoryName([]),
    notBefore: at - 1_000,
    notAfter: at + 1_000,
    publicKey: key,
    extensions: {
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: { purposes: extendedKeyUsageOf(authority)?.purposes ?? [oid.clientAuth] },
      subjectKeyIdentifier: keyIdentifierOf(key),
      ...(policies.length === 0 ? {} : { certificatePolicies: policies }),
    },
  });
  const signature = sign('sha256', toBeSigned, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const leaf = readX509Certificate(assembleCertificate(toBeSigned, { algorithm: 'ES256', signature }));
  return validate(leaf, [copy], at);
}

/** A new key of the same kind and strength. */
function generateSuchKey(publicKey: Uint8Array): { readonly publicKey: Uint8Array; readonly privateKey: KeyObject } {
  const like = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const { namedCurve = 'P-256', modulusLength = 2_048 } = like.asymmetricKeyDetails ?? {};
  switch (like.asymmetricKeyType) {
    case 'ec':
      return exported(generateKeyPairSync('ec', { namedCurve }));
    case 'ed25519':
      return exported(generateKeyPairSync('ed25519'));
    case 'rsa':
    case 'rsa-pss':
      return exported(generateKeyPairSync('rsa', { modulusLength }));
    default:
      throw x509Errors.error('algorithm_unsupported', `Keys of the kind ${like.asymmetricKeyType} are not supported.`);
  }
}

const spkiOf = (key: KeyObject): Uint8Array => key.export({ format: 'der', type: 'spki' });
const exported = ({ publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }) => ({
  publicKey: spkiOf(publicKey),
  privateKey,
});

/** Signs the octets with the algorithm that the certificate states. */
function signLike({ toBeSigned, signatureAlgorithm }: ParsedCertificate, key: KeyObject): Uint8Array {
  const scheme = signatureSchemeOf(signatureAlgorithm);
  if (scheme.kind === 'ed25519') return sign(null, toBeSigned, key);
  if (scheme.kind !== 'rsa-pss') return sign(scheme.hash, toBeSigned, key);
  const { hash, saltLength } = scheme;
  return sign(hash, toBeSigned, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}
