import { malformedDer } from '../errors.ts';
import { tags } from './tags.ts';

/** One element of the Distinguished Encoding Rules (ITU-T X.690 section 10); views of the bytes that were read. */
export interface DerElement {
  /** The identifier octet: class, form and number together. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Identifier, length and content. */
  readonly encoding: Uint8Array;
}

/**
 * Reads the elements that stand one after another in `bytes`, each asked for by the tag it must have. Nothing is read
 * ahead and nothing recurses: the depth is that of the code that reads.
 *
 * Strict: a tag number over 30, an indefinite length, a length that is longer than it need be or reaches past the end
 * is refused, so that what was read has one encoding alone.
 */
export interface DerReader {
  readonly done: boolean;
  /** Tag of the next element, which stays where it is. */
  peek(): number;
  /** @throws CodedError `der_malformed` when the next element is none, or has another tag */
  next(tag: number): DerElement;
  /** The next element, whatever its tag. */
  any(): DerElement;
  /** The next element when it has this tag; undefined leaves everything where it is. */
  optional(tag: number): DerElement | undefined;
  /** What stands inside the next element. */
  enter(tag: number): DerReader;
  enterOptional(tag: number): DerReader | undefined;
  /** @throws CodedError `der_malformed` when something is left */
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
    if (found !== tag) throw malformedDer(`tag ${hex(found)} at ${at}, where ${hex(tag)} belongs`);
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
      if (at !== bytes.length) throw malformedDer(`${bytes.length - at} octets too many`);
    },
  };
}

/** What stands in the one element of `bytes`, which must be all of it. */
export function readDerSequence(bytes: Uint8Array): DerReader {
  const outer = readDer(bytes);
  const inner = outer.enter(tags.sequence);
  outer.end();
  return inner;
}

function elementAt(bytes: Uint8Array, at: number): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw malformedDer('it ends where an element belongs');
  if ((tag & 0x1f) === 0x1f) throw malformedDer(`a tag number over 30 at ${at}`);
  const { start, length } = first < 0x80 ? { start: at + 2, length: first } : longLength(bytes, at, first & 0x7f);
  const end = start + length;
  if (end > bytes.length) throw malformedDer(`the element at ${at} reaches past the end`);
  return { tag, content: bytes.subarray(start, end), encoding: bytes.subarray(at, end) };
}

function longLength(bytes: Uint8Array, at: number, octets: number): { start: number; length: number } {
  if (octets < 1 || octets > 3) throw malformedDer(`the length at ${at} is indefinite or too long`);
  let length = 0;
  for (let index = 0; index < octets; index++) {
    const octet = bytes[at + 2 + index];
    if (octet === undefined) throw malformedDer(`the length at ${at} is cut off`);
    length = length * 256 + octet;
  }
  if (length < 0x80 || length < 256 ** (octets - 1))
    throw malformedDer(`the length at ${at} is longer than it need be`);
  return { start: at + 2 + octets, length };
}

const hex = (tag: number): string => `0x${tag.toString(16).padStart(2, '0')}`;
