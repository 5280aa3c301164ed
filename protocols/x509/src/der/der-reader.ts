import { malformedDer } from '../errors.ts';

/** Identifier octets (ITU-T X.690 section 8.1.2). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  bmpString: 0x1e,
} as const;

/** Context-specific, primitive: `[n] IMPLICIT` over a simple type. */
export const contextPrimitive = (number: number): number => 0x80 | number;
/** Context-specific, constructed: `[n] EXPLICIT`, or `[n] IMPLICIT` over a sequence or set. */
export const contextConstructed = (number: number): number => 0xa0 | number;

/** One element of the Distinguished Encoding Rules (ITU-T X.690 section 10). The arrays are views of the input. */
export interface DerElement {
  /** The identifier octet: class, form and number together. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Identifier, length and content. */
  readonly encoding: Uint8Array;
}

/**
 * Reads consecutive elements; the caller names the tag it expects. The reader does not recurse, so hostile nesting
 * cannot exhaust the stack.
 *
 * Strict: tag numbers over 30, indefinite lengths, lengths that are not minimal and lengths past the end are refused.
 * Every value therefore has exactly one encoding.
 */
export interface DerReader {
  /** Whether all elements have been read. */
  readonly done: boolean;
  /** Tag of the next element, without consuming it. */
  peek(): number;
  /** @throws CodedError `der_malformed` when there is no next element, or it has another tag */
  next(tag: number): DerElement;
  /** The next element, whatever its tag. */
  any(): DerElement;
  /** The next element if it has this tag; otherwise undefined, and nothing is consumed. */
  optional(tag: number): DerElement | undefined;
  /** Consumes the next element and reads its content. */
  enter(tag: number): DerReader;
  enterOptional(tag: number): DerReader | undefined;
  /** @throws CodedError `der_malformed` when elements remain */
  end(): void;
}

export function readDer(bytes: Uint8Array): DerReader {
  let at = 0;
  let ahead: DerElement | undefined;

  function peek(): DerElement {
    ahead ??= elementAt(bytes, at);
    return ahead;
  }
  function take(): DerElement {
    const element = peek();
    at += element.encoding.length;
    ahead = undefined;
    return element;
  }
  function next(tag: number): DerElement {
    const found = peek().tag;
    if (found !== tag) throw malformedDer(`tag ${hex(found)} at offset ${at}, expected ${hex(tag)}`);
    return take();
  }
  function optional(tag: number): DerElement | undefined {
    return at < bytes.length && peek().tag === tag ? take() : undefined;
  }
  return {
    get done() {
      return at === bytes.length;
    },
    peek: () => peek().tag,
    next,
    any: take,
    optional,
    enter: (tag) => readDer(next(tag).content),
    enterOptional(tag) {
      const element = optional(tag);
      return element === undefined ? undefined : readDer(element.content);
    },
    end() {
      if (at !== bytes.length) throw malformedDer(`${bytes.length - at} unexpected octets at the end`);
    },
  };
}

/** Reads the content of one SEQUENCE that fills all of `bytes`. @throws CodedError `der_malformed` */
export function readDerSequence(bytes: Uint8Array): DerReader {
  const outer = readDer(bytes);
  const inner = outer.enter(tags.sequence);
  outer.end();
  return inner;
}

function elementAt(bytes: Uint8Array, at: number): DerElement {
  const tag = bytes[at];
  if (tag === undefined) throw malformedDer('the input ends where an element is expected');
  if ((tag & 0x1f) === 0x1f) throw malformedDer(`the tag number at offset ${at} is over 30`);
  const { start, end } = readDerLength(bytes, at + 1);
  return { tag, content: bytes.subarray(start, end), encoding: bytes.subarray(at, end) };
}

/**
 * Reads the length octets at `at` (X.690 section 10.1), at most three octets after the first.
 *
 * @returns where the content starts and ends
 * @throws CodedError `der_malformed`, also when the content reaches past the end of `bytes`
 */
export function readDerLength(bytes: Uint8Array, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at];
  if (first === undefined) throw malformedDer('the input ends where a length is expected');
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if (octets > 3 || first === 0x80) throw malformedDer(`the length at offset ${at} is indefinite or too long`);
  let length = octets === 0 ? first : 0;
  for (let index = 1; index <= octets; index++) {
    const octet = bytes[at + index];
    if (octet === undefined) throw malformedDer(`the length at offset ${at} is incomplete`);
    length = length * 256 + octet;
  }
  if (octets > 0 && (length < 0x80 || length < 256 ** (octets - 1)))
    throw malformedDer(`the length at offset ${at} is not minimal`);
  const start = at + 1 + octets;
  if (start + length > bytes.length) throw malformedDer(`the content at offset ${start} reaches past the end`);
  return { start, end: start + length };
}

const hex = (tag: number): string => `0x${tag.toString(16).padStart(2, '0')}`;
