import { readDer, readDerSequence } from '../der/der-reader.ts';
import { readBoolean, readNamedBits, readObjectIdentifier, readSmallInteger } from '../der/read-values.ts';
import { tags } from '../der/tags.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { ParsedCertificate } from './certificate.ts';

/** Bits of KeyUsage (RFC 5280 section 4.2.1.3). */
export const keyUsageBits = { digitalSignature: 0, nonRepudiation: 1, keyCertSign: 5, crlSign: 6 } as const;

/** Undefined when the certificate does not narrow what its key is for. */
export function keyUsageOf({ extensions }: ParsedCertificate): ReadonlySet<number> | undefined {
  const extension = extensions.get(oid.keyUsage);
  if (extension === undefined) return undefined;
  const reader = readDer(extension.value);
  const bits = readNamedBits(reader.next(tags.bitString));
  reader.end();
  return bits;
}

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

/** Whether it is an authority's, and how many authorities may stand below it (RFC 5280 section 4.2.1.9). */
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

/** What a path may hold as critical: all of it is looked at, or says nothing that would make it wrong. */
const understood: ReadonlySet<string> = new Set<string>([
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
 * The first critical extension that is not understood here; with it the certificate must not be relied on.
 *
 * @param also what the caller understands beside the rest
 */
export function strangeCriticalExtension(
  { extensions }: ParsedCertificate,
  also: ReadonlySet<string> = new Set(),
): string | undefined {
  for (const [id, { critical }] of extensions) if (critical && !understood.has(id) && !also.has(id)) return id;
  return undefined;
}
