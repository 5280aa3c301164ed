import { isUtf8 } from 'node:buffer';
import { type Brand, isCodedError } from '@countersign/kernel';
import {
  type DerElement,
  type DerReader,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  readText,
  tags,
} from '@countersign/x509/der';

/** Equal names have equal text. */
export type ComparableName = Brand<string, 'ComparableName'>;

/** Characters. */
export const maxNameLength = 2_048;

/**
 * Short names (RFC 4514 section 3, X.509 profiles) with case-insensitive values (RFC 5280 section 7.1, RFC 4519). Other
 * types are object identifiers and compared exactly.
 */
const attributeTypes: ReadonlyMap<string, string> = new Map([
  ['cn', '2.5.4.3'],
  ['commonname', '2.5.4.3'],
  ['sn', '2.5.4.4'],
  ['surname', '2.5.4.4'],
  ['serialnumber', '2.5.4.5'],
  ['c', '2.5.4.6'],
  ['countryname', '2.5.4.6'],
  ['l', '2.5.4.7'],
  ['localityname', '2.5.4.7'],
  ['st', '2.5.4.8'],
  ['stateorprovincename', '2.5.4.8'],
  ['street', '2.5.4.9'],
  ['streetaddress', '2.5.4.9'],
  ['o', '2.5.4.10'],
  ['organizationname', '2.5.4.10'],
  ['ou', '2.5.4.11'],
  ['organizationalunitname', '2.5.4.11'],
  ['title', '2.5.4.12'],
  ['businesscategory', '2.5.4.15'],
  ['postalcode', '2.5.4.17'],
  ['givenname', '2.5.4.42'],
  ['gn', '2.5.4.42'],
  ['dnqualifier', '2.5.4.46'],
  ['organizationidentifier', '2.5.4.97'],
  ['jurisdictionl', '1.3.6.1.4.1.311.60.2.1.1'],
  ['jurisdictionst', '1.3.6.1.4.1.311.60.2.1.2'],
  ['jurisdictionc', '1.3.6.1.4.1.311.60.2.1.3'],
  ['emailaddress', '1.2.840.113549.1.9.1'],
  ['e', '1.2.840.113549.1.9.1'],
  ['dc', '0.9.2342.19200300.100.1.25'],
  ['uid', '0.9.2342.19200300.100.1.1'],
]);
const caseIgnored: ReadonlySet<string> = new Set(attributeTypes.values());

/** A value that is not text is compared by its encoding. */
type Attribute = readonly [type: string, form: 'text' | 'der', value: string];

/** Undefined if it is empty, malformed or cannot be compared safely. @param name DER of the Name */
export function readDistinguishedName(name: Uint8Array): ComparableName | undefined {
  return undefinedIfMalformed(() => {
    const relativeNames: (readonly Attribute[] | undefined)[] = [];
    for (const sets = readDerSequence(name); !sets.done; ) relativeNames.push(readRelativeName(sets.enter(tags.set)));
    return comparable(relativeNames);
  });
}

function readRelativeName(set: DerReader): readonly Attribute[] | undefined {
  const attributes: (Attribute | undefined)[] = [];
  while (!set.done) {
    const attribute = set.enter(tags.sequence);
    const type = readObjectIdentifier(attribute.next(tags.objectIdentifier));
    attributes.push(attributeOf(type, attribute.any()));
    attribute.end();
  }
  return all(attributes);
}

function undefinedIfMalformed<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

const typePattern = / *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+) *= */y;
const encodingPattern = /#((?:[0-9A-Fa-f]{2})+) */y;

/** RFC 4514: most specific first, `+` within a relative name. Quoted values and `;` (RFC 2253) are refused. */
export function parseDistinguishedName(text: string): ComparableName | undefined {
  if (text.length > maxNameLength) return undefined;
  const relativeNames: Attribute[][] = [[]];
  for (let at = 0; ; ) {
    const type = match(typePattern, text, at);
    const identifier = type === undefined ? undefined : identifierOf(type.found);
    const value = type === undefined ? undefined : parseValue(text, type.end);
    if (identifier === undefined || value === undefined) return undefined;
    const attribute =
      typeof value.value === 'string' ? textAttribute(identifier, value.value) : attributeOf(identifier, value.value);
    if (attribute === undefined) return undefined;
    relativeNames.at(-1)?.push(attribute);
    if (value.end === text.length) return comparable(relativeNames.reverse());
    if (text[value.end] === ',') relativeNames.push([]);
    at = value.end + 1;
  }
}

function identifierOf(type: string): string | undefined {
  return type.includes('.') ? type : attributeTypes.get(type.toLowerCase());
}

interface Parsed<Value> {
  readonly value: Value;
  /** Index of the next separator, or the length of the text. */
  readonly end: number;
}

function parseValue(text: string, start: number): Parsed<string | DerElement> | undefined {
  if (text[start] !== '#') return parseText(text, start);
  const encoding = match(encodingPattern, text, start);
  if (encoding === undefined || !(encoding.end === text.length || ',+'.includes(text[encoding.end] ?? '')))
    return undefined;
  const value = undefinedIfMalformed(() => readOneElement(Buffer.from(encoding.found, 'hex')));
  return value === undefined ? undefined : { value, end: encoding.end };
}

function readOneElement(octets: Uint8Array): DerElement {
  const reader = readDer(octets);
  const element = reader.any();
  reader.end();
  return element;
}

function parseText(text: string, start: number): Parsed<string> | undefined {
  const parts: Buffer[] = [];
  let at = start;
  for (; at < text.length && text[at] !== ',' && text[at] !== '+'; ) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if ('";<>\0'.includes(character)) return undefined;
    if (character !== '\\') {
      parts.push(Buffer.from(character));
      at += character.length;
      continue;
    }
    const octet = text.slice(at + 1, at + 3);
    const escaped = text[at + 1] ?? '';
    if (/^[0-9A-Fa-f]{2}$/.test(octet)) {
      parts.push(Buffer.from(octet, 'hex'));
      at += 3;
    } else if (escaped !== '' && ' "#+,;<=>\\'.includes(escaped)) {
      parts.push(Buffer.from(escaped));
      at += 2;
    } else return undefined;
  }
  const bytes = Buffer.concat(parts);
  return isUtf8(bytes) && text.isWellFormed() ? { value: bytes.toString('utf8'), end: at } : undefined;
}

function attributeOf(type: string, value: DerElement): Attribute | undefined {
  const text = readText(value);
  return text === undefined ? [type, 'der', Buffer.from(value.encoding).toString('hex')] : textAttribute(type, text);
}

/** RFC 4518 preparation, except that a name with invisible characters is not compared at all. */
function textAttribute(type: string, text: string): Attribute | undefined {
  if (/[\p{Cc}\p{Cf}\p{Cn}\p{Co}]/u.test(text)) return undefined;
  const value = caseIgnored.has(type)
    ? text.normalize('NFKC').toLowerCase().normalize('NFKC').replaceAll(/\s+/g, ' ').trim()
    : text;
  return value === '' ? undefined : [type, 'text', value];
}

function comparable(relativeNames: readonly (readonly Attribute[] | undefined)[]): ComparableName | undefined {
  const known = all(relativeNames);
  if (known === undefined || known.length === 0 || known.some((attributes) => attributes.length === 0))
    return undefined;
  // A relative name is a set.
  const sorted = known.map((attributes) => attributes.map((attribute) => JSON.stringify(attribute)).sort());
  return JSON.stringify(sorted) as ComparableName;
}

function all<Value>(values: readonly (Value | undefined)[]): readonly Value[] | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length ? known : undefined;
}

function match(
  pattern: RegExp,
  text: string,
  at: number,
): { readonly found: string; readonly end: number } | undefined {
  pattern.lastIndex = at;
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : { found, end: pattern.lastIndex };
}
