import { formErrors } from './errors.ts';

export interface FormLimits {
  /** Characters. Default 65,536. */
  readonly maxLength?: number;
}

const maxParameters = 40;
const encodedPattern = /^[\x21-\x7e]*$/;

/**
 * A repeated parameter is refused, because two parsers could pick different values (RFC 6749 sections 3.1 and 3.2). An
 * empty one counts as absent. @throws CodedError `form_too_large`, `form_malformed`, `form_repeated` (with the fact
 * `parameter`)
 */
export function parseForm(body: string, limits: FormLimits = {}): ReadonlyMap<string, string> {
  if (body.length > (limits.maxLength ?? 65_536)) throw formErrors.error('form_too_large', 'The form is too long.');
  // Everything else must be percent-encoded (WHATWG URL).
  if (!encodedPattern.test(body))
    throw formErrors.error('form_malformed', 'The form holds characters that must be percent-encoded.');
  const parameters = new Map<string, string>();
  if (body === '') return parameters;
  const pairs = body.split('&', maxParameters + 1);
  if (pairs.length > maxParameters) throw formErrors.error('form_too_large', 'The form has too many parameters.');
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    if (name === '') throw formErrors.error('form_malformed', 'The form holds a parameter without a name.');
    // RFC 6749 appendix A. Some parsers treat NUL as the end of the text.
    if (name.includes('\0') || value.includes('\0'))
      throw formErrors.error('form_malformed', 'The form holds the character U+0000.');
    if (parameters.has(name)) {
      const parameter = /^[\w.-]{1,64}$/.test(name) ? name : 'parameter';
      throw formErrors.error('form_repeated', `The parameter ${parameter} was sent more than once.`, {
        facts: { parameter },
      });
    }
    parameters.set(name, value);
  }
  for (const [name, value] of parameters) if (value === '') parameters.delete(name);
  return parameters;
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw formErrors.error('form_malformed', 'The form holds a percent-encoding that is not UTF-8.');
  }
}
