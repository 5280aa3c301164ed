import { contextConstructed, derElement, derInteger, derSequence } from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { SigningAlgorithm } from '../signatures/sign-algorithms.ts';
import { assembleCertificate, buildTbsCertificate } from './build-certificate.ts';
import { keyIdentifierOf, type NewExtensions } from './build-extensions.ts';
import type { NewGeneralName } from './build-names.ts';
import type { ParsedCertificate } from './certificate.ts';
import type { CertificationRequest } from './certification-request.ts';

/** Names and policies that an issuing authority is limited to. */
export interface AuthorityLimits {
  /** Hosts of URIs; every URI with another host is excluded. */
  readonly uriHosts: readonly string[];
  /** DNS names, each with all names below it; empty excludes every DNS name. */
  readonly dnsNames: readonly string[];
  /** Object identifiers. */
  readonly policies: readonly string[];
}

/** Every IPv4 and IPv6 address, with its mask. */
const everyAddress: readonly NewGeneralName[] = [
  { kind: 'address', octets: new Uint8Array(8) },
  { kind: 'address', octets: new Uint8Array(32) },
];

/**
 * Extensions of a root: it may have authorities below it, which issue the certificates of subscribers.
 *
 * @param publicKey SubjectPublicKeyInfo
 */
function rootExtensions(publicKey: Uint8Array): NewExtensions {
  return {
    basicConstraints: { authority: true, pathLength: 1 },
    keyUsage: ['keyCertSign', 'crlSign'],
    subjectKeyIdentifier: keyIdentifierOf(publicKey),
  };
}

/**
 * Extensions of an issuing authority: it issues certificates of subscribers only, for these names and under these policies.
 *
 * @param publicKey SubjectPublicKeyInfo of the authority
 * @param issuerKey SubjectPublicKeyInfo of the root
 */
export function issuingExtensions(
  publicKey: Uint8Array,
  issuerKey: Uint8Array,
  limits: AuthorityLimits,
): NewExtensions {
  const { uriHosts, dnsNames, policies } = limits;
  const names = [
    ...uriHosts.map((text) => ({ kind: 'uri', text }) as const),
    ...dnsNames.map((text) => ({ kind: 'dns', text }) as const),
  ];
  return {
    basicConstraints: { authority: true, pathLength: 0 },
    keyUsage: ['keyCertSign', 'crlSign'],
    subjectKeyIdentifier: keyIdentifierOf(publicKey),
    authorityKeyIdentifier: keyIdentifierOf(issuerKey),
    nameConstraints: {
      permitted: names,
      // The empty DNS name is every name (RFC 5280 section 4.2.1.10).
      excluded: [...(dnsNames.length === 0 ? [{ kind: 'dns', text: '' } as const] : []), ...everyAddress],
    },
    certificatePolicies: policies,
  };
}

/**
 * A PKCS #10 request without attributes (RFC 2986).
 *
 * @param request.subject DER of the Name
 * @param request.publicKey SubjectPublicKeyInfo
 * @param request.sign signs with the requested key. @returns the signature in JOSE form
 */
export async function buildCertificationRequest(request: {
  readonly subject: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly algorithm: SigningAlgorithm;
  readonly sign: (octets: Uint8Array) => Promise<Uint8Array>;
}): Promise<Uint8Array> {
  const { subject, publicKey, algorithm, sign } = request;
  const info = derSequence(derInteger(0), subject, publicKey, derElement(contextConstructed(0)));
  // A request has the form of a certificate: what is signed, the algorithm, the signature.
  return assembleCertificate(info, { algorithm, signature: await sign(info) });
}

/** The key of a root, and the time for which a certificate that it signs is valid. */
export interface RootSigning {
  readonly algorithm: SigningAlgorithm;
  /** @returns the signature in JOSE form */
  readonly sign: (octets: Uint8Array) => Promise<Uint8Array>;
  readonly serial: bigint;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * The self-signed certificate of a root.
 *
 * @param root.subject DER of the Name
 * @param root.publicKey SubjectPublicKeyInfo
 * @returns DER
 */
export async function buildRootCertificate(
  root: RootSigning & { readonly subject: Uint8Array; readonly publicKey: Uint8Array },
): Promise<Uint8Array> {
  const { subject, publicKey, algorithm, sign } = root;
  const tbs = buildTbsCertificate({ ...root, issuer: subject, subject, extensions: rootExtensions(publicKey) });
  return assembleCertificate(tbs, { algorithm, signature: await sign(tbs) });
}

/** The certificate of an issuing authority, signed by a root. @returns DER */
export async function buildIssuingCertificate(
  issuing: RootSigning & {
    readonly root: ParsedCertificate;
    readonly request: Pick<CertificationRequest, 'subject' | 'publicKey'>;
    readonly limits: AuthorityLimits;
  },
): Promise<Uint8Array> {
  const { root, request, limits, algorithm, sign, serial, notBefore, notAfter } = issuing;
  const { subject, publicKey } = request;
  const extensions = issuingExtensions(publicKey, root.publicKey, limits);
  const certificate = { serial, algorithm, notBefore, notAfter, subject, publicKey, extensions, issuer: root.subject };
  const tbs = buildTbsCertificate(certificate);
  return assembleCertificate(tbs, { algorithm, signature: await sign(tbs) });
}

/** The extensions that limit an authority. An accepted certificate has exactly the expected ones. */
export const limitingExtensions: readonly string[] = [
  oid.basicConstraints,
  oid.keyUsage,
  oid.subjectKeyIdentifier,
  oid.nameConstraints,
  oid.certificatePolicies,
];
