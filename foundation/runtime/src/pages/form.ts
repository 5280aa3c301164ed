import { errorVocabulary } from '@countersign/kernel';

export const formErrors = errorVocabulary({
  form_malformed: 'invalid',
  /** The form did not come from one of our pages. */
  csrf_token_invalid: 'forbidden',
});

const longestForm = 16_384;
const mostFields = 64;

/**
 * Parses a form of our pages (`application/x-www-form-urlencoded`, kept as text by the server).
 *
 * @throws CodedError `form_malformed`: not a form, over 16,384 characters, over 64 fields, or a repeated field
 */
export function readForm(body: unknown): ReadonlyMap<string, string> {
  if (typeof body !== 'string') throw malformed('it is not a form');
  if (body.length > longestForm) throw malformed('it is too long');
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (fields.has(name)) throw malformed('a field is given twice');
    if (fields.size === mostFields) throw malformed('it has too many fields');
    fields.set(name, value);
  }
  return fields;
}

function malformed(why: string): Error {
  return formErrors.error('form_malformed', `The form cannot be read: ${why}. Go back and send it again.`);
}
