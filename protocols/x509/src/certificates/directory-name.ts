import { readDer, readObjectIdentifier, readUtf8, tags } from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { octetsToHex } from '../octets.ts';

const maxRelativeNames = 32;

/** One attribute of a distinguished name. */
interface NameAttribute {
  readonly type: string;
  /** Normalised, so that equal values are equal strings. */
  readonly value: string;
  /** The original text of a string value. */
  readonly text: string | undefined;
}

/**
 * The relative names of a distinguished name, most general first, as text that is equal for equal names. Case, repeated
 * spaces and the string type are ignored (RFC 5280 section 7.1).
 *
 * @param encoding DER of the Name
 * @throws CodedError `der_malformed`
 */
export function comparableRelativeNames(encoding: Uint8Array): readonly string[] {
  // The attributes of a relative name are a set, without order.
  return relativeNamesOf(encoding).map((attributes) =>
    JSON.stringify(attributes.map(({ type, value }) => `${type}=${value}`).toSorted()),
  );
}

/** Whether two Names are equal by the rules above. @throws CodedError `der_malformed` */
export function sameDirectoryNames(one: Uint8Array, other: Uint8Array): boolean {
  return JSON.stringify(comparableRelativeNames(one)) === JSON.stringify(comparableRelativeNames(other));
}

/**
 * The original texts of all attributes of one type, e.g. `emailAddress`.
 *
 * @throws CodedError `der_malformed`
 */
export function attributeTexts(encoding: Uint8Array, type: string): readonly string[] {
  return relativeNamesOf(encoding)
    .flat()
    .flatMap((attribute) => (attribute.type === type ? [attribute.text ?? ''] : []));
}

function relativeNamesOf(encoding: Uint8Array): readonly (readonly NameAttribute[])[] {
  const outer = readDer(encoding);
  const names = outer.enter(tags.sequence);
  outer.end();
  const found: NameAttribute[][] = [];
  while (!names.done) {
    if (found.length === maxRelativeNames) throw malformedDer('a name has too many parts');
    const set = names.enter(tags.set);
    const attributes: NameAttribute[] = [];
    while (!set.done) {
      const attribute = set.enter(tags.sequence);
      const type = readObjectIdentifier(attribute.next(tags.objectIdentifier));
      const value = attribute.any();
      attribute.end();
      const isText = [tags.utf8String, tags.printableString, tags.ia5String].some((tag) => tag === value.tag);
      const text = isText ? readUtf8(value) : undefined;
      // Other string types are compared by their encoding, so a constraint must use the same type as the name.
      attributes.push({
        type,
        text,
        value: text === undefined ? `#${octetsToHex(value.encoding)}` : comparableText(text),
      });
    }
    if (attributes.length === 0) throw malformedDer('a relative name has no attributes');
    found.push(attributes);
  }
  return found;
}

function comparableText(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC').replaceAll(/\s+/g, ' ').trim();
}
