import {
  contextConstructed,
  contextPrimitive,
  derElement,
  derObjectIdentifier,
  derPrintable,
  derSequence,
  derSetOf,
  derUtf8,
  tags,
} from '../der/index.ts';
import { x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { GeneralName } from './general-names.ts';

export type NameAttributeType =
  | 'countryName'
  | 'serialNumber'
  | 'localityName'
  | 'organizationName'
  | 'organizationalUnitName'
  | 'organizationIdentifier'
  | 'commonName';

/** Attributes of a distinguished name, most general first. */
export type NewDirectoryName = readonly (readonly [type: NameAttributeType, value: string])[];

/** A name of a form that can be written. */
export type NewGeneralName = Exclude<GeneralName, { kind: 'other' }>;

const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** RFC 5280 appendix A: the other attributes are DirectoryStrings. */
const printableTypes: ReadonlySet<NameAttributeType> = new Set<NameAttributeType>(['countryName', 'serialNumber']);
const maxValueCharacters = 256;

/**
 * DER of a Name with one attribute in each relative name.
 * @throws CodedError `name_invalid` for a value that is empty, too long, or has characters that its type does not allow
 */
export function encodeDirectoryName(name: NewDirectoryName): Uint8Array {
  return derSequence(
    ...name.map(([type, value]) => {
      // Software differs in how it shows control characters and unpaired surrogates.
      if (value.trim() === '' || value.length > maxValueCharacters || /[\p{Cc}\p{Cs}]/u.test(value))
        throw nameInvalid(`${type} has 1 to ${maxValueCharacters} characters, and no control characters`);
      const isPrintable = printableTypes.has(type);
      if (isPrintable && !printable.test(value))
        throw nameInvalid(`${type} may have characters of PrintableString only`);
      const text = isPrintable ? derPrintable(value) : derUtf8(value);
      return derSetOf(tags.set, [derSequence(derObjectIdentifier(oid[type]), text)]);
    }),
  );
}

const textTags = { email: contextPrimitive(1), dns: contextPrimitive(2), uri: contextPrimitive(6) } as const;

/**
 * DER of a GeneralName (RFC 5280 section 4.2.1.6). The caller checks the syntax, which differs between a name and a
 * name constraint.
 * @throws CodedError `name_invalid` for characters other than printable ASCII
 */
export function encodeGeneralName(name: NewGeneralName): Uint8Array {
  switch (name.kind) {
    case 'email':
    case 'dns':
    case 'uri':
      if (!/^[\x21-\x7e]*$/.test(name.text) || name.text.length > 2_048)
        throw nameInvalid('an alternative name must be printable ASCII of at most 2,048 characters');
      return derElement(textTags[name.kind], new TextEncoder().encode(name.text));
    case 'upn':
      return derElement(
        contextConstructed(0),
        derObjectIdentifier(oid.userPrincipalName),
        derElement(contextConstructed(0), derUtf8(name.text)),
      );
    case 'directory':
      return derElement(contextConstructed(4), name.name);
    case 'address':
      return derElement(contextPrimitive(7), name.octets);
  }
}

function nameInvalid(rule: string) {
  return x509Errors.error('name_invalid', `The name cannot be in a certificate: ${rule}.`);
}
