import type { ParsedCertificate } from '../certificates/certificate.ts';
import { type DerElement, type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { readObjectIdentifier, readUtf8 } from '../der/read-values.ts';
import { contextConstructed, contextPrimitive, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

/** A `GeneralName` (RFC 5280 section 4.2.1.6). */
export type GeneralName =
  /** Printable ASCII; whether it is such a name is for who compares it. */
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  /** The user principal name of a smart card, e.g. `ada@desk.example`. */
  | { readonly kind: 'upn'; readonly text: string }
  /** Encoding of the Name. */
  | { readonly kind: 'directory'; readonly name: Uint8Array }
  /** Octets of the address, in a constraint followed by those of its mask. */
  | { readonly kind: 'address'; readonly octets: Uint8Array }
  /** What is not looked into; the form says which names are of one kind. */
  | { readonly kind: 'other'; readonly form: string };

const mostNames = 64;

/**
 * The alternative names of a certificate's subject.
 *
 * @throws CodedError `der_malformed`
 */
export function subjectAltNamesOf({ extensions }: ParsedCertificate): readonly GeneralName[] {
  const extension = extensions.get(oid.subjectAltName);
  if (extension === undefined) return [];
  const names = readDerSequence(extension.value);
  const found: GeneralName[] = [];
  while (!names.done) {
    if (found.length === mostNames) throw malformedDer('too many alternative names');
    const name = readGeneralName(names);
    if (name.kind === 'address' && name.octets.length !== 4 && name.octets.length !== 16)
      throw malformedDer('an address that is neither of version 4 nor of version 6');
    found.push(name);
  }
  return found;
}

const texts: ReadonlyMap<number, 'email' | 'dns' | 'uri'> = new Map([
  [contextPrimitive(1), 'email'],
  [contextPrimitive(2), 'dns'],
  [contextPrimitive(6), 'uri'],
]);

/** @throws CodedError `der_malformed` */
export function readGeneralName(reader: DerReader): GeneralName {
  const element = reader.any();
  const kind = texts.get(element.tag);
  if (kind !== undefined) return { kind, text: readPrintable(element) };
  if (element.tag === contextConstructed(0)) return readOtherName(element);
  if (element.tag === contextPrimitive(7)) return { kind: 'address', octets: element.content };
  if (element.tag !== contextConstructed(4)) return { kind: 'other', form: `tag ${element.tag}` };
  const inner = readDer(element.content);
  const name = inner.next(tags.sequence).encoding;
  inner.end();
  return { kind: 'directory', name };
}

function readOtherName({ content }: DerElement): GeneralName {
  const reader = readDer(content);
  const form = readObjectIdentifier(reader.next(tags.objectIdentifier));
  const value = reader.enter(contextConstructed(0));
  reader.end();
  if (form !== oid.userPrincipalName) return { kind: 'other', form };
  const text = readUtf8(value.next(tags.utf8String));
  value.end();
  return { kind: 'upn', text };
}

/** Such a name in a NUL, a line break or another alphabet would be read as one name here and as another there. */
function readPrintable({ content }: DerElement): string {
  if (content.some((octet) => octet <= 0x20 || octet >= 0x7f)) throw malformedDer('a name that is not printable ASCII');
  return new TextDecoder().decode(content);
}
