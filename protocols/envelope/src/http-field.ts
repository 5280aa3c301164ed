import type { CodedError } from '@countersign/kernel';
import { envelopeErrors, envelopeHeader, maxEnvelopeLength } from './envelope.ts';

const compactJws = /^[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+$/;

/** The HTTP field with which an envelope travels, to be put among a request's or a response's headers. */
export function toHttpField(envelope: string): { readonly [envelopeHeader]: string } {
  return { [envelopeHeader]: compact(envelope) };
}

/**
 * The envelope among the headers of a message, not verified yet; undefined when there is none.
 *
 * @param headers names in lower case, as Node gives them; a field that came several times is a list
 * @throws CodedError `envelope_malformed`, also for several: which of them was meant cannot be told
 */
export function fromHttpField(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const field = headers[envelopeHeader];
  if (field === undefined) return undefined;
  if (typeof field !== 'string') throw malformed('A message carries one envelope.');
  return compact(field);
}

/** White space, commas and line ends are in no compact JWS: nothing can be smuggled into a header behind one. */
export function compact(text: string): string {
  if (text.length > maxEnvelopeLength) throw malformed(`It is longer than ${maxEnvelopeLength} characters.`);
  if (!compactJws.test(text)) throw malformed('It is not a JWS in compact serialization.');
  return text;
}

function malformed(detail: string): CodedError {
  return envelopeErrors.error('envelope_malformed', `The envelope cannot be read. ${detail}`);
}
