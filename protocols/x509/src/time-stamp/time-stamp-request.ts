import { type DerReader, readDerSequence } from '../der/der-reader.ts';
import { derBoolean, derInteger, derObjectIdentifier, derSequence } from '../der/der-writer.ts';
import { readBoolean, readObjectIdentifier, readSmallInteger } from '../der/read-values.ts';
import { contextConstructed, tags } from '../der/tags.ts';
import { x509Errors } from '../errors.ts';
import { encodeMessageImprint, type MessageImprint, readMessageImprint } from './message-imprint.ts';
import { readNonce } from './time-stamp-info.ts';

/** Longest request that is read, in octets. */
export const maxRequestOctets = 4_096;

/** TimeStampReq (RFC 3161 section 2.4.1). */
export interface TimeStampRequest {
  readonly imprint: MessageImprint;
  /** Object identifier of the policy that is wanted. */
  readonly policy?: string;
  readonly nonce?: bigint;
  /** Whether the authority's certificate is to come with the token. */
  readonly certificateWanted: boolean;
  /** Object identifiers of the extensions that came: an authority that knows none of them refuses. */
  readonly extensions: readonly string[];
}

/**
 * @throws CodedError `der_malformed`, `timestamp_malformed`, and `algorithm_unsupported` for a digest by another
 *   function than SHA-256, SHA-384 and SHA-512
 */
export function readTimeStampRequest(der: Uint8Array): TimeStampRequest {
  if (der.length > maxRequestOctets)
    throw x509Errors.error('timestamp_malformed', `A request is longer than ${maxRequestOctets} octets.`);
  const reader = readDerSequence(der);
  if (readSmallInteger(reader.next(tags.integer)) !== 1)
    throw x509Errors.error('timestamp_malformed', 'The request is of another version than 1.');
  const imprint = readMessageImprint(reader.enter(tags.sequence));
  const policyField = reader.optional(tags.objectIdentifier);
  const nonce = readNonce(reader);
  const certificateField = reader.optional(tags.boolean);
  const extensions = readExtensionIds(reader.enterOptional(contextConstructed(0)));
  reader.end();
  return {
    imprint,
    ...(policyField === undefined ? {} : { policy: readObjectIdentifier(policyField) }),
    ...(nonce === undefined ? {} : { nonce }),
    certificateWanted: certificateField !== undefined && readBoolean(certificateField),
    extensions,
  };
}

function readExtensionIds(list: DerReader | undefined): readonly string[] {
  const ids: string[] = [];
  while (list !== undefined && !list.done) {
    const extension = list.enter(tags.sequence);
    ids.push(readObjectIdentifier(extension.next(tags.objectIdentifier)));
  }
  return ids;
}

export function encodeTimeStampRequest(request: Omit<TimeStampRequest, 'extensions'>): Uint8Array {
  return derSequence(
    derInteger(1),
    encodeMessageImprint(request.imprint),
    ...(request.policy === undefined ? [] : [derObjectIdentifier(request.policy)]),
    ...(request.nonce === undefined ? [] : [derInteger(request.nonce)]),
    // DER leaves out what is the default.
    ...(request.certificateWanted ? [derBoolean(true)] : []),
  );
}
