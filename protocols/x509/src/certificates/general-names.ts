import {
  contextConstructed,
  contextPrimitive,
  type DerElement,
  type DerReader,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  readUtf8,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { ParsedCertificate } from './certificate.ts';

/** A `GeneralName` (RFC 5280 section 4.2.1.6). */
export type GeneralName =
  /** Printable ASCII. The syntax of the name is not checked. */
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  /** The user principal name of a smart card, e.g. `ada@desk.example`. */
  | { readonly kind: 'upn'; readonly text: string }
  /** DER of the Name. */
  | { readonly kind: 'directory'; readonly name: Uint8Array }
  /** Octets of the address; in a constraint, followed by the mask. */
  | { readonly kind: 'address'; readonly octets: Uint8Array }
  /** An unsupported form. Names with the same `form` are of one kind. */
  | { readonly kind: 'other'; readonly form: string };

const maxNames = 64;

/**
 * The subject alternative names of a certificate.
 *
 * @throws CodedError `der_malformed`
 */
export function subjectAltNamesOf({ extensions }: Pick<ParsedCertificate, 'extensions'>): readonly GeneralName[] {
  const extension = extensions.get(oid.subjectAltName);
  if (extension === undefined) return [];
  const names = readDerSequence(extension.value);
  const found: GeneralName[] = [];
  while (!names.done) {
    if (found.length === maxNames) throw malformedDer('too many alternative names');
    const name = readGeneralName(names);
    if (name.kind === 'address' && name.octets.length !== 4 && name.octets.length !== 16)
      throw malformedDer('an IP address has neither 4 nor 16 octets');
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

/** Software reads control characters and other alphabets in names differently, so such names are refused. */
function readPrintable({ content }: DerElement): string {
  if (content.some((octet) => octet <= 0x20 || octet >= 0x7f)) throw malformedDer('a name is not printable ASCII');
  return new TextDecoder().decode(content);
}
