import { errorVocabulary, type Json, parseJson } from '@countersign/kernel';

/** Text from a form, JSON from a request object (RFC 9101). */
export type RequestParameters = ReadonlyMap<string, Json>;

/** The fact `parameter` names the parameter. */
export const authorizationRequestErrors = errorVocabulary({
  parameter_missing: 'invalid',
  parameter_malformed: 'invalid',
  parameter_too_long: 'invalid',
  response_type_unsupported: 'invalid',
  response_mode_unsupported: 'invalid',
  code_challenge_method_unsupported: 'invalid',
  prompt_contradictory: 'invalid',
  scope_malformed: 'invalid',
  resource_malformed: 'invalid',
  details_malformed: 'invalid',
  grant_id_malformed: 'invalid',
  grant_management_contradictory: 'invalid',
});

export type AuthorizationRequestProblem = keyof typeof authorizationRequestErrors.codes;

/** RFC 6749 section 4.1.2.1, RFC 8707 section 2, RFC 9396 section 5, Grant Management for OAuth. */
export const oauthErrorOfAuthorizationRequest = {
  parameter_missing: 'invalid_request',
  parameter_malformed: 'invalid_request',
  parameter_too_long: 'invalid_request',
  response_type_unsupported: 'unsupported_response_type',
  response_mode_unsupported: 'invalid_request',
  code_challenge_method_unsupported: 'invalid_request',
  prompt_contradictory: 'invalid_request',
  scope_malformed: 'invalid_scope',
  resource_malformed: 'invalid_target',
  details_malformed: 'invalid_authorization_details',
  grant_id_malformed: 'invalid_grant_id',
  grant_management_contradictory: 'invalid_request',
} as const satisfies Readonly<Record<AuthorizationRequestProblem, string>>;

/** The name is our constant, and the value is not repeated. */
export function refuseParameter(problem: AuthorizationRequestProblem, parameter: string, detail: string) {
  return authorizationRequestErrors.error(problem, `The parameter ${parameter} ${detail}`, { facts: { parameter } });
}

export interface TextShape {
  readonly maxLength: number;
  readonly pattern: RegExp;
  /** Default `parameter_malformed`. */
  readonly malformed?: AuthorizationRequestProblem;
}

/** RFC 6749 appendix A: VSCHAR. */
export const visibleText = /^[\x20-\x7e]+$/;
/** A URI, or another name without spaces. */
export const graphicText = /^[\x21-\x7e]+$/;

/**
 * An empty parameter counts as absent (RFC 6749 section 3.1). @throws CodedError of {@link authorizationRequestErrors}
 */
export function textOf(parameters: RequestParameters, name: string, shape: TextShape): string | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  const malformed = shape.malformed ?? 'parameter_malformed';
  if (typeof value !== 'string') throw refuseParameter(malformed, name, 'must be one string.');
  if (value.length > shape.maxLength)
    throw refuseParameter('parameter_too_long', name, `must have at most ${shape.maxLength} characters.`);
  if (!shape.pattern.test(value)) throw refuseParameter(malformed, name, 'has a form that is not accepted.');
  return value;
}

export function requiredTextOf(parameters: RequestParameters, name: string, shape: TextShape): string {
  const value = textOf(parameters, name, shape);
  if (value === undefined) throw refuseParameter('parameter_missing', name, 'is missing.');
  return value;
}

/** Space-delimited, without duplicates. @throws CodedError of {@link authorizationRequestErrors} */
export function listOf(
  parameters: RequestParameters,
  name: string,
  shape: TextShape & { readonly maxItems: number },
): readonly string[] {
  const text = textOf(parameters, name, shape);
  if (text === undefined) return [];
  const items = [...new Set(text.split(' '))];
  if (items.length > shape.maxItems)
    throw refuseParameter('parameter_too_long', name, `must have at most ${shape.maxItems} values.`);
  return items;
}

const wholeNumberPattern = /^(?:0|[1-9][0-9]{0,9})$/;

/** At most ten digits: text in a form, a number in a request object (RFC 9101 section 4). */
export function wholeNumberOf(parameters: RequestParameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  const digits = typeof value === 'number' ? String(value) : value;
  if (typeof digits !== 'string' || !wholeNumberPattern.test(digits))
    throw refuseParameter('parameter_malformed', name, 'must be a whole number.');
  return Number(digits);
}

/** Text in a form, a value in a request object. Duplicate keys are refused in both. */
export function jsonOf(
  parameters: RequestParameters,
  name: string,
  shape: { readonly maxLength: number; readonly malformed?: AuthorizationRequestProblem },
): Json | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') return value;
  if (value.length > shape.maxLength)
    throw refuseParameter('parameter_too_long', name, `must have at most ${shape.maxLength} characters.`);
  const parsed = parseJson(value);
  if (!parsed.ok)
    throw refuseParameter(shape.malformed ?? 'parameter_malformed', name, `cannot be read: ${parsed.problem}.`);
  return parsed.value;
}
