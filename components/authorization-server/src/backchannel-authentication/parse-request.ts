import { defined, type Json, parseJson } from '@countersign/kernel';
import { type BackchannelRefusal, refuse } from './refusals.ts';

export type PersonHint =
  | { readonly kind: 'login'; readonly hint: string }
  | { readonly kind: 'id-token'; readonly token: string };

/** As the client wrote them. */
export interface AskedTerms {
  readonly scope: readonly string[];
  /** RFC 8707. */
  readonly resource?: string;
  /** RFC 9396; not checked. */
  readonly details?: readonly Json[];
}

/** CIBA Core section 7.1; nothing in it is trusted yet. */
export interface BackchannelRequest {
  readonly hint: PersonHint;
  readonly asked: AskedTerms;
  /** In order of preference. */
  readonly acrValues: readonly string[];
  readonly bindingMessage?: string;
  readonly requestedExpirySeconds?: number;
  readonly notificationToken?: string;
  /** As in RFC 9449 section 10. */
  readonly dpopJkt?: string;
}

/** CIBA Core section 7.1: short, because people compare it by eye. */
export const longestBindingMessage = 64;

const words = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const graphic = /^[\x21-\x7e]+$/;
const thumbprint = /^[A-Za-z0-9_-]{43}$/;

/** Unknown parameters are ignored (CIBA Core section 7.2), as is `user_code`. @throws CodedError of `oauthErrors` */
export function parseBackchannelRequest(parameters: Parameters): BackchannelRequest {
  const hint = readHint(parameters);
  const resource = textOf(parameters, 'resource', { maxLength: 2_048, pattern: graphic, reason: 'resource_malformed' });
  const details = arrayOf(parameters, 'authorization_details', { maxLength: 32_768, reason: 'details_malformed' });
  const bindingMessage = textOf(parameters, 'binding_message', {
    maxLength: longestBindingMessage,
    pattern: /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
    reason: 'binding_message_unacceptable',
  });
  if (bindingMessage === undefined && details === undefined)
    throw refuse(
      'binding_message_missing',
      'Send authorization_details, or a binding_message that the person can compare on both devices.',
    );
  const requestedExpirySeconds = positiveOf(parameters, 'requested_expiry');
  const notificationToken = readNotificationToken(parameters);
  const dpopJkt = textOf(parameters, 'dpop_jkt', { maxLength: 43, pattern: thumbprint });
  return {
    hint,
    asked: {
      scope: listOf(parameters, 'scope', { maxLength: 2_048, maxItems: 64, pattern: words, reason: 'scope_malformed' }),
      ...defined({ resource, details }),
    },
    acrValues: listOf(parameters, 'acr_values', { maxLength: 1_024, maxItems: 16, pattern: words }),
    ...defined({ bindingMessage, requestedExpirySeconds, notificationToken, dpopJkt }),
  };
}

/** CIBA Core section 7.1: exactly one of the hints. */
function readHint(parameters: Parameters): PersonHint {
  const sent = ['login_hint', 'id_token_hint', 'login_hint_token'].filter(
    (name) => parameters.has(name) && parameters.get(name) !== '',
  );
  if (sent.length > 1) throw refuse('hint_several', `Send only one hint, not ${sent.join(' and ')}.`);
  if (sent[0] === 'login_hint_token')
    throw refuse(
      'login_hint_token_unsupported',
      'login_hint_token is not supported. Send a login_hint or an id_token_hint.',
    );
  const hint = textOf(parameters, 'login_hint', { maxLength: 256, pattern: graphic });
  if (hint !== undefined) return { kind: 'login', hint };
  const token = textOf(parameters, 'id_token_hint', { maxLength: 8_192, pattern: graphic });
  if (token !== undefined) return { kind: 'id-token', token };
  throw refuse('hint_missing', 'Name the person, by a login_hint or an id_token_hint.');
}

/** RFC 6750 section 2.1: nothing else can be injected into the request. */
const bearerToken = /^[A-Za-z0-9._~+/-]+=*$/;

/** CIBA Core section 7.1: at least 128 bits; a character of a bearer token carries at most 6.1 bits. */
const fewestCharacters = 22;
/** A repeated word is long but not random; 128 random bits practically always have this many different characters. */
const fewestDifferent = 6;

/** @throws CodedError `invalid_request` */
export function readNotificationToken(parameters: Parameters): string | undefined {
  const token = textOf(parameters, 'client_notification_token', {
    maxLength: 1_024,
    pattern: bearerToken,
    reason: 'notification_token_malformed',
  });
  if (token === undefined) return undefined;
  if (token.replace(/=+$/, '').length < fewestCharacters || new Set(token).size < fewestDifferent)
    throw refuse('notification_token_weak', 'The client_notification_token must hold at least 128 random bits.');
  return token;
}

/** Strings from a form, JSON values from a signed request. */
export type Parameters = ReadonlyMap<string, Json>;

export interface TextShape {
  readonly maxLength: number;
  readonly pattern: RegExp;
  /** `parameter_malformed` when left out. */
  readonly reason?: BackchannelRefusal;
}

/** Undefined if missing or empty (RFC 6749 section 3.1). */
export function textOf(parameters: Parameters, name: string, shape: TextShape): string | undefined {
  const { maxLength, pattern, reason = 'parameter_malformed' } = shape;
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw refuse(reason, `The parameter ${name} must be one string.`);
  if (value.length > maxLength)
    throw refuse(reason, `The parameter ${name} must have at most ${maxLength} characters.`);
  if (!pattern.test(value)) throw refuse(reason, `The parameter ${name} has an invalid format.`);
  return value;
}

/** Space-delimited; without duplicates. */
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

/** CIBA Core section 7.1.1 permits a string or a number. */
export function positiveOf(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  const digits = typeof value === 'number' ? String(value) : value;
  if (typeof digits !== 'string' || !/^[1-9]\d{0,8}$/.test(digits))
    throw refuse('parameter_malformed', `The parameter ${name} must be a positive whole number.`);
  return Number(digits);
}

/** Text in a form, an array in a signed request. */
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
