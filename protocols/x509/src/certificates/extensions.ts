import {
  contextPrimitive,
  readBoolean,
  readDer,
  readDerSequence,
  readNamedBits,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { ParsedCertificate } from './certificate.ts';

/** Bits of KeyUsage (RFC 5280 section 4.2.1.3). */
export const keyUsageBits = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  crlSign: 6,
} as const;
export type KeyUsage = keyof typeof keyUsageBits;

/** Undefined when the certificate does not restrict the use of its key. */
export function keyUsageOf({ extensions }: ParsedCertificate): ReadonlySet<number> | undefined {
  const extension = extensions.get(oid.keyUsage);
  if (extension === undefined) return undefined;
  const reader = readDer(extension.value);
  const bits = readNamedBits(reader.next(tags.bitString));
  reader.end();
  return bits;
}

/** Object identifiers of the purposes, and whether the extension is critical (RFC 5280 section 4.2.1.12). */
export function extendedKeyUsageOf({
  extensions,
}: ParsedCertificate): { readonly critical: boolean; readonly purposes: readonly string[] } | undefined {
  const extension = extensions.get(oid.extendedKeyUsage);
  if (extension === undefined) return undefined;
  const reader = readDerSequence(extension.value);
  const purposes: string[] = [];
  while (!reader.done) purposes.push(readObjectIdentifier(reader.next(tags.objectIdentifier)));
  return { critical: extension.critical, purposes };
}

/** Whether the certificate is an authority's, and its path length constraint (RFC 5280 section 4.2.1.9). */
export function basicConstraintsOf({ extensions }: ParsedCertificate): {
  readonly authority: boolean;
  readonly pathLength?: number;
} {
  const extension = extensions.get(oid.basicConstraints);
  if (extension === undefined) return { authority: false };
  const reader = readDerSequence(extension.value);
  const authority = reader.optional(tags.boolean);
  const length = reader.optional(tags.integer);
  reader.end();
  return {
    authority: authority !== undefined && readBoolean(authority),
    ...(length === undefined ? {} : { pathLength: readSmallInteger(length) }),
  };
}

/** @throws CodedError `der_malformed` */
export function subjectKeyIdentifierOf({ extensions }: ParsedCertificate): Uint8Array | undefined {
  const extension = extensions.get(oid.subjectKeyIdentifier);
  if (extension === undefined) return undefined;
  const reader = readDer(extension.value);
  const { content } = reader.next(tags.octetString);
  reader.end();
  return content;
}

/** The key identifier of the issuer; undefined also when the extension names the issuer in another way. */
export function authorityKeyIdentifierOf({
  extensions,
}: Pick<ParsedCertificate, 'extensions'>): Uint8Array | undefined {
  const extension = extensions.get(oid.authorityKeyIdentifier);
  return extension === undefined ? undefined : readDerSequence(extension.value).optional(contextPrimitive(0))?.content;
}

/** Critical extensions that every path check handles or can ignore safely. */
const supported: ReadonlySet<string> = new Set<string>([
  oid.basicConstraints,
  oid.keyUsage,
  oid.extendedKeyUsage,
  oid.subjectAltName,
  oid.issuerAltName,
  oid.subjectKeyIdentifier,
  oid.authorityKeyIdentifier,
  oid.certificatePolicies,
]);

/**
 * The first critical extension that is not supported. A certificate with one must be refused (RFC 5280 section 4.2).
 *
 * @param alsoSupported further extensions that the caller handles
 */
export function findUnsupportedExtension(
  { extensions }: ParsedCertificate,
  alsoSupported: ReadonlySet<string> = new Set(),
): string | undefined {
  for (const [id, { critical }] of extensions) if (critical && !supported.has(id) && !alsoSupported.has(id)) return id;
  return undefined;
}
