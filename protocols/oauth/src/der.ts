/** One element of the Distinguished Encoding Rules (ITU-T X.690 section 10). */
export interface DerElement {
  /** The identifier octet: class, form and number together. */
  readonly tag: number;
  readonly content: Buffer;
  /** Identifier, length and content. */
  readonly encoding: Buffer;
}

/**
 * The elements that stand one after another in `bytes`, or undefined when it is anything but a row of them: a tag
 * number over 30, an indefinite length, one that is longer than it need be or reaches past the end.
 */
export function readDerElements(bytes: Buffer): readonly DerElement[] | undefined {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const header = readLength(bytes, at + 1);
    if (header === undefined || (tag & 0x1f) === 0x1f || header.end > bytes.length) return undefined;
    elements.push({
      tag,
      content: bytes.subarray(header.start, header.end),
      encoding: bytes.subarray(at, header.end),
    });
    at = header.end;
  }
  return elements;
}

function readLength(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 0x80) return { start: at + 1, end: at + 1 + first };
  const octets = first & 0x7f;
  if (octets < 1 || octets > 3 || at + 1 + octets > bytes.length) return undefined;
  const length = bytes.readUIntBE(at + 1, octets);
  const start = at + 1 + octets;
  const shortest = length >= 0x80 && length >= 2 ** (8 * (octets - 1));
  return shortest ? { start, end: start + length } : undefined;
}

/** The dotted form of an OBJECT IDENTIFIER's content, or undefined when it is none or an arc passes 2^53. */
export function readObjectIdentifier(content: Buffer): string | undefined {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    // X.690 section 8.19.2: an arc does not begin with a septet of zeros.
    if (arc === 0 && octet === 0x80) return undefined;
    arc = arc * 128 + (octet & 0x7f);
    if (!Number.isSafeInteger(arc)) return undefined;
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first, ...others] = arcs;
  if (first === undefined || (content.at(-1) ?? 0x80) >= 0x80) return undefined;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...others].join('.');
}

const latin1 = (content: Buffer): string => content.toString('latin1');

/** Text of an ASN.1 string, or undefined for anything else and for octets that its type does not allow. */
export function readDerText({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case 0x0c: // UTF8String
      return decodeUtf8(content);
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return content.every((octet) => octet < 0x80) ? latin1(content) : undefined;
    case 0x14: // TeletexString, which in certificates has always been written as Latin-1
      return latin1(content);
    case 0x1e: // BMPString
      return content.length % 2 === 0 ? wellFormed(Buffer.from(content).swap16().toString('utf16le')) : undefined;
    default:
      return undefined;
  }
}

function decodeUtf8(content: Buffer): string | undefined {
  const text = content.toString('utf8');
  return Buffer.from(text, 'utf8').equals(content) ? text : undefined;
}

function wellFormed(text: string): string | undefined {
  return text.isWellFormed() ? text : undefined;
}
