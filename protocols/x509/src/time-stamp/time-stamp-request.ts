import {
  contextConstructed,
  type DerReader,
  derBoolean,
  derInteger,
  derObjectIdentifier,
  derSequence,
  readBoolean,
  readDerSequence,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { x509Errors } from '../errors.ts';
import { encodeMessageImprint, type MessageImprint, readMessageImprint, readNonce } from './time-stamp-info.ts';

/** Maximum size of a request, in octets. */
export const maxRequestOctets = 4_096;

/** TimeStampReq (RFC 3161 section 2.4.1). */
export interface TimeStampRequest {
  readonly imprint: MessageImprint;
  /** Object identifier of the requested policy. */
  readonly policy?: string;
  readonly nonce?: bigint;
  /** Whether the token must include the authority's certificate. */
  readonly certificateWanted: boolean;
  /** Object identifiers of the request extensions. An authority refuses extensions it does not support. */
  readonly extensions: readonly string[];
}

/**
 * @throws CodedError `der_malformed`, `timestamp_malformed`, and `algorithm_unsupported` for digests other than SHA-256,
 *   SHA-384 and SHA-512
 */
export function readTimeStampRequest(der: Uint8Array): TimeStampRequest {
  if (der.length > maxRequestOctets)
    throw x509Errors.error('timestamp_malformed', `The request is longer than ${maxRequestOctets} octets.`);
  const reader = readDerSequence(der);
  if (readSmallInteger(reader.next(tags.integer)) !== 1)
    throw x509Errors.error('timestamp_malformed', 'The version of the request is not 1.');
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
    // DER omits default values.
    ...(request.certificateWanted ? [derBoolean(true)] : []),
  );
}
