import { type Json, parseJson } from '@countersign/kernel';
import { type BackchannelRefusal, refuse } from './refusals.ts';

/** Parameters of a request: text where they came as a form, JSON where they came as a signed request. */
export type Parameters = ReadonlyMap<string, Json>;

export interface TextShape {
  readonly maxLength: number;
  readonly pattern: RegExp;
  /** `parameter_malformed` when left out. */
  readonly reason?: BackchannelRefusal;
}

/** A text parameter; undefined where it was not sent, or sent without a value (RFC 6749 section 3.1). */
export function textOf(parameters: Parameters, name: string, shape: TextShape): string | undefined {
  const { maxLength, pattern, reason = 'parameter_malformed' } = shape;
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw refuse(reason, `The parameter ${name} must be one string.`);
  if (value.length > maxLength)
    throw refuse(reason, `The parameter ${name} must have at most ${maxLength} characters.`);
  if (!pattern.test(value)) throw refuse(reason, `The parameter ${name} has a form that is not accepted.`);
  return value;
}

/** A space-delimited list without repetitions; empty where it was not sent. */
export function listOf(
  parameters: Parameters,
  name: string,
  shape: TextShape & { readonly maxItems: number },
): readonly string[] {
  const items = [...new Set(textOf(parameters, name, shape)?.split(' ') ?? [])];
  if (items.length > shape.maxItems)
    throw refuse(
      shape.reason ?? 'parameter_malformed',
      `The parameter ${name} must have at most ${shape.maxItems} values.`,
    );
  return items;
}

/** A whole number of one or more: CIBA Core section 7.1.1 lets `requested_expiry` be a string or a number. */
export function positiveOf(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  const digits = typeof value === 'number' ? String(value) : value;
  if (typeof digits !== 'string' || !/^[1-9]\d{0,8}$/.test(digits))
    throw refuse('parameter_malformed', `The parameter ${name} must be a positive whole number.`);
  return Number(digits);
}

/** A JSON array with something in it: as text in a form, as itself in a signed request. */
export function arrayOf(
  parameters: Parameters,
  name: string,
  { maxLength, reason }: { readonly maxLength: number; readonly reason: BackchannelRefusal },
): readonly Json[] | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  const array = typeof value === 'string' ? read(value) : value;
  if (!Array.isArray(array) || array.length === 0)
    throw refuse(reason, `The parameter ${name} must be a JSON array with at least one element.`);
  return array;

  function read(text: string): Json {
    const parsed = parseJson(text, { maxLength });
    if (!parsed.ok) throw refuse(reason, `The parameter ${name} cannot be read: ${parsed.problem}.`);
    return parsed.value;
  }
}
