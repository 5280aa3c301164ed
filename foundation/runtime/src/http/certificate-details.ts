import { basicConstraintsOf, objectIdentifiers as oid, readX509Certificate } from '@countersign/x509';

/** Properties of a certificate that decide about a chain and that Node's `X509Certificate` does not report. */
export interface CertificateDetails {
  /** RFC 5280 section 4.2.1.9; undefined without a limit. */
  readonly pathLength: number | undefined;
  /** The certificate limits names or policies, or has an unsupported critical extension. */
  readonly constrained: boolean;
  /** SHA-2 with ECDSA or RSA, RSASSA-PSS, or Ed25519; not SHA-1, not MD5. */
  readonly signedStrongly: boolean;
}

const strongSignatures: ReadonlySet<string> = new Set<string>([
  oid.ecdsaWithSha256,
  oid.ecdsaWithSha384,
  oid.ecdsaWithSha512,
  oid.sha256WithRsa,
  oid.sha384WithRsa,
  oid.sha512WithRsa,
  oid.rsassaPss,
  oid.ed25519,
]);
/** Chain verification does not evaluate these extensions, so a certificate with one is refused. */
const constraining: ReadonlySet<string> = new Set<string>([
  oid.nameConstraints,
  oid.policyConstraints,
  oid.inhibitAnyPolicy,
]);
const supportedCritical: ReadonlySet<string> = new Set<string>([
  oid.basicConstraints,
  oid.keyUsage,
  oid.extendedKeyUsage,
  oid.subjectAltName,
  oid.certificatePolicies,
]);

/**
 * Reads the details of a certificate from its DER.
 *
 * @throws CodedError `certificate_malformed`, `der_malformed`
 */
export function readCertificateDetails(der: Uint8Array): CertificateDetails {
  const certificate = readX509Certificate(der);
  return {
    pathLength: basicConstraintsOf(certificate).pathLength,
    constrained: [...certificate.extensions].some(
      ([id, { critical }]) => constraining.has(id) || (critical && !supportedCritical.has(id)),
    ),
    signedStrongly: strongSignatures.has(certificate.signatureAlgorithm.algorithm),
  };
}
