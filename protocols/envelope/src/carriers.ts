import type { CodedError } from '@countersign/kernel';
import { envelopeErrors, envelopeFixTag, envelopeHeader, maxEnvelopeLength } from './envelope.ts';

const compactJws = /^[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+$/;
/** Ends every field of a FIX message in tag=value encoding. */
const fieldEnd = '\u0001';
const fixPrefix = `${envelopeFixTag}=`;

/** The HTTP field with the envelope, for the headers of a request or a response. */
export function toHttpField(envelope: string): { readonly [envelopeHeader]: string } {
  return { [envelopeHeader]: compact(envelope) };
}

/**
 * Undefined if there is none. @param headers names in lower case, as in Node; a repeated field is a list
 *
 * @throws CodedError `envelope_malformed`, also for several envelopes
 */
export function fromHttpField(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const field = headers[envelopeHeader];
  if (field === undefined) return undefined;
  if (typeof field !== 'string') throw malformed('A message must carry only one envelope.');
  return compact(field);
}

/**
 * ComplianceText in tag=value encoding, with its end. A compact JWS needs no length field. FIX does not limit Strings,
 * but counterparties do: agree on 8,192 characters, or send it in the drop copy.
 *
 * @throws CodedError `envelope_malformed`
 */
export function toFixField(envelope: string): string {
  return `${fixPrefix}${compact(envelope)}${fieldEnd}`;
}

/**
 * Split a message with a FIX engine first: raw data may contain text that looks like a field.
 *
 * @param field with or without its end
 *
 * @throws CodedError `envelope_malformed`
 */
export function fromFixField(field: string): string {
  if (!field.startsWith(fixPrefix)) throw malformed(`Its FIX field must be tag ${envelopeFixTag}, ComplianceText.`);
  return compact(field.slice(fixPrefix.length, field.endsWith(fieldEnd) ? -1 : undefined));
}

function compact(text: string): string {
  if (text.length > maxEnvelopeLength) throw malformed(`It is longer than ${maxEnvelopeLength} characters.`);
  if (!compactJws.test(text)) throw malformed('It is not a JWS in compact serialization.');
  return text;
}

function malformed(detail: string): CodedError {
  return envelopeErrors.error('envelope_malformed', `The envelope cannot be read. ${detail}`);
}
