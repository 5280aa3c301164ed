import { envelopeErrors, envelopeFixTag } from './envelope.ts';
import { compact } from './http-field.ts';

/** Ends every field of a FIX message in tag=value encoding. */
const fieldEnd = '\u0001';
const prefix = `${envelopeFixTag}=`;

/**
 * ComplianceText as a field of a FIX message in tag=value encoding, its end included: for engines that take fields as
 * text. Others are given the envelope as the value of tag 2404.
 *
 * A compact JWS holds neither `=` nor the end of a field, and no character beyond ASCII, so it needs no length field.
 * FIX sets no longest String; counterparties do: agree on 8,192 characters, or send it in the drop copy.
 *
 * @throws CodedError `envelope_malformed`
 */
export function toFixField(envelope: string): string {
  return `${prefix}${compact(envelope)}${fieldEnd}`;
}

/**
 * The envelope of one such field, not verified yet. A whole message is for a FIX engine to take apart: fields of raw
 * data may hold what looks like another field.
 *
 * @param field with or without its end
 * @throws CodedError `envelope_malformed`
 */
export function fromFixField(field: string): string {
  if (!field.startsWith(prefix))
    throw envelopeErrors.error(
      'envelope_malformed',
      `The envelope cannot be read. It travels as tag ${envelopeFixTag}, ComplianceText.`,
    );
  return compact(field.slice(prefix.length, field.endsWith(fieldEnd) ? -1 : undefined));
}
