import { type DerReader, readDerSequence } from '../der/der-reader.ts';
import { type DerTime, readGeneralizedTime } from '../der/der-time.ts';
import { derGeneralizedTime, derInteger, derObjectIdentifier, derSequence } from '../der/der-writer.ts';
import { readBoolean, readInteger, readObjectIdentifier, readSmallInteger } from '../der/read-values.ts';
import { contextConstructed, tags } from '../der/tags.ts';
import { x509Errors } from '../errors.ts';
import { encodeAccuracy, readAccuracy } from './accuracy.ts';
import { encodeMessageImprint, type MessageImprint, readMessageImprint } from './message-imprint.ts';

/** What an authority says and signs: TSTInfo (RFC 3161 section 2.4.2). */
export interface TimeStampInfo {
  /** Object identifier of the policy that it was made under. */
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
    throw x509Errors.error('timestamp_malformed', 'The token is of another version than 1.');
  const policy = readObjectIdentifier(reader.next(tags.objectIdentifier));
  const imprint = readMessageImprint(reader.enter(tags.sequence));
  const serial = readInteger(reader.next(tags.integer));
  const time = readGeneralizedTime(reader.next(tags.generalizedTime));
  const accuracy = reader.enterOptional(tags.sequence);
  const accuracyMicroseconds = accuracy === undefined ? undefined : readAccuracy(accuracy);
  const ordering = reader.optional(tags.boolean);
  if (ordering !== undefined) readBoolean(ordering);
  const nonce = readNonce(reader);
  // The authority's name: a hint, the signature says who it was.
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

/** Nonces are integers of any sign and of a length that the asker chose; up to 512 bits are read. */
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
      throw x509Errors.error('timestamp_malformed', `The token has the critical extension ${id}.`);
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
