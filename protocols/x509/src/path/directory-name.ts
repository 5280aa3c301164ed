import { readDer } from '../der/der-reader.ts';
import { readObjectIdentifier, readUtf8 } from '../der/read-values.ts';
import { tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { octetsToHex } from '../octets.ts';

const printableString = 0x13;
const ia5String = 0x16;
const mostRelativeNames = 32;

/** One attribute of a distinguished name: its type, and its value in a form in which equal values are the same text. */
interface NameAttribute {
  readonly type: string;
  readonly value: string;
  /** As it stands, where it is text. */
  readonly text: string | undefined;
}

/**
 * The relative names of a distinguished name, most general first, each as text that is the same for names that are the
 * same (RFC 5280 section 7.1: case and runs of spaces do not count, nor the kind of string).
 *
 * @param encoding of the Name
 * @throws CodedError `der_malformed`
 */
export function comparableRelativeNames(encoding: Uint8Array): readonly string[] {
  // A relative name is a set: its attributes have no order.
  return relativeNamesOf(encoding).map((attributes) =>
    JSON.stringify(attributes.map(({ type, value }) => `${type}=${value}`).toSorted()),
  );
}

/**
 * The texts of one type of attribute, e.g. of `emailAddress`, as they stand.
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
    if (found.length === mostRelativeNames) throw malformedDer('a name of too many parts');
    const set = names.enter(tags.set);
    const attributes: NameAttribute[] = [];
    while (!set.done) {
      const attribute = set.enter(tags.sequence);
      const type = readObjectIdentifier(attribute.next(tags.objectIdentifier));
      const value = attribute.any();
      attribute.end();
      const isText = [tags.utf8String, printableString, ia5String].some((tag) => tag === value.tag);
      const text = isText ? readUtf8(value) : undefined;
      // Other kinds of strings are compared by what they are made of: they never equal what they may look like, and an
      // authority that constrains names by them has to write them alike.
      attributes.push({
        type,
        text,
        value: text === undefined ? `#${octetsToHex(value.encoding)}` : comparableText(text),
      });
    }
    if (attributes.length === 0) throw malformedDer('a relative name without attributes');
    found.push(attributes);
  }
  return found;
}

function comparableText(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC').replaceAll(/\s+/g, ' ').trim();
}
