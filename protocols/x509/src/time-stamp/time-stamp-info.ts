import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  type DerTime,
  derElement,
  derGeneralizedTime,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  readBoolean,
  readDerSequence,
  readGeneralizedTime,
  readInteger,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { x509Errors } from '../errors.ts';
import {
  encodeHashAlgorithmWithNull,
  type HashName,
  hashNameOf,
  readAlgorithmIdentifier,
} from '../signatures/algorithms.ts';

/** TSTInfo, the content that an authority signs (RFC 3161 section 2.4.2). */
export interface TimeStampInfo {
  /** Object identifier of the authority's policy. */
  readonly policy: string;
  readonly imprint: MessageImprint;
  /** At most 160 bits. */
  readonly serial: bigint;
  readonly time: DerTime;
  readonly accuracyMicroseconds?: number;
  readonly nonce?: bigint;
}

/** @throws CodedError `der_malformed`, `timestamp_malformed`, `algorithm_unsupported` */
export function readTimeStampInfo(der: Uint8Array): TimeStampInfo {
  const reader = readDerSequence(der);
  if (readSmallInteger(reader.next(tags.integer)) !== 1)
    throw x509Errors.error('timestamp_malformed', 'The version of the token is not 1.');
  const policy = readObjectIdentifier(reader.next(tags.objectIdentifier));
  const imprint = readMessageImprint(reader.enter(tags.sequence));
  const serial = readInteger(reader.next(tags.integer));
  const time = readGeneralizedTime(reader.next(tags.generalizedTime));
  const accuracy = reader.enterOptional(tags.sequence);
  const accuracyMicroseconds = accuracy === undefined ? undefined : readAccuracy(accuracy);
  const ordering = reader.optional(tags.boolean);
  if (ordering !== undefined) readBoolean(ordering);
  const nonce = readNonce(reader);
  // The authority's name is only a hint; the signature proves who signed.
  reader.optional(contextConstructed(0));
  refuseCriticalExtensions(reader.enterOptional(contextConstructed(1)));
  reader.end();
  return {
    policy,
    imprint,
    serial,
    time,
    ...(accuracyMicroseconds === undefined ? {} : { accuracyMicroseconds }),
    ...(nonce === undefined ? {} : { nonce }),
  };
}

/** The requester chooses sign and length of a nonce; up to 512 bits are accepted. */
export function readNonce(reader: DerReader): bigint | undefined {
  const element = reader.optional(tags.integer);
  return element === undefined ? undefined : readInteger(element, 64);
}

function refuseCriticalExtensions(list: DerReader | undefined): void {
  while (list !== undefined && !list.done) {
    const extension = list.enter(tags.sequence);
    const id = readObjectIdentifier(extension.next(tags.objectIdentifier));
    const critical = extension.optional(tags.boolean);
    if (critical !== undefined && readBoolean(critical))
      throw x509Errors.error('timestamp_malformed', `The token has the unsupported critical extension ${id}.`);
  }
}

export interface NewTimeStampInfo {
  readonly policy: string;
  readonly imprint: MessageImprint;
  readonly serial: bigint;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly accuracyMicroseconds?: number;
  readonly nonce?: bigint;
}

export function encodeTimeStampInfo(info: NewTimeStampInfo): Uint8Array {
  return derSequence(
    derInteger(1),
    derObjectIdentifier(info.policy),
    encodeMessageImprint(info.imprint),
    derInteger(info.serial),
    derGeneralizedTime(info.at),
    ...(info.accuracyMicroseconds === undefined ? [] : [encodeAccuracy(info.accuracyMicroseconds)]),
    ...(info.nonce === undefined ? [] : [derInteger(info.nonce)]),
  );
}

/** The digest that is time-stamped, and its algorithm (RFC 3161 section 2.4.1). */
export interface MessageImprint {
  readonly hash: HashName;
  readonly digest: Uint8Array;
}

const digestOctets: Readonly<Record<HashName, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** @throws CodedError `algorithm_unsupported`; `timestamp_malformed` for a digest of the wrong length (section 2.1, point 7) */
export function readMessageImprint(reader: DerReader): MessageImprint {
  const hash = hashNameOf(readAlgorithmIdentifier(reader.enter(tags.sequence)));
  const digest = reader.next(tags.octetString).content;
  reader.end();
  if (digest.length !== digestOctets[hash])
    throw x509Errors.error('timestamp_malformed', `A ${hash} digest has ${digestOctets[hash]} octets.`);
  return { hash, digest };
}

export function encodeMessageImprint({ hash, digest }: MessageImprint): Uint8Array {
  if (digest.length !== digestOctets[hash]) throw new Error(`a ${hash} digest has ${digestOctets[hash]} octets`);
  return derSequence(encodeHashAlgorithmWithNull(hash), derOctetString(digest));
}

/** The maximum error of `genTime` in either direction (RFC 3161 section 2.4.2). @returns microseconds */
function readAccuracy(reader: DerReader): number {
  const seconds = readPart(reader, tags.integer, 2 ** 31);
  const millis = readPart(reader, contextPrimitive(0), 999);
  const micros = readPart(reader, contextPrimitive(1), 999);
  reader.end();
  return seconds * 1_000_000 + millis * 1000 + micros;
}

function readPart(reader: DerReader, tag: number, max: number): number {
  const element = reader.optional(tag);
  const value = element === undefined ? 0 : Number(readInteger(element, 5));
  if (value < 0 || value > max) throw x509Errors.error('timestamp_malformed', 'The accuracy is out of range.');
  return value;
}

/** @param microseconds rounded up; parts that are zero are omitted */
function encodeAccuracy(microseconds: number): Uint8Array {
  const total = Math.ceil(microseconds);
  const [seconds, millis, micros] = [Math.floor(total / 1_000_000), Math.floor(total / 1000) % 1000, total % 1000];
  const implicit = (number: number, value: number) =>
    derElement(contextPrimitive(number), derInteger(value).subarray(2));
  return derSequence(
    ...(seconds === 0 ? [] : [derInteger(seconds)]),
    ...(millis === 0 ? [] : [implicit(0, millis)]),
    ...(micros === 0 ? [] : [implicit(1, micros)]),
  );
}
