import { defined, type Json, parseJson } from '@countersign/kernel';
import { type BackchannelRefusal, refuse } from './refusals.ts';

/** The hint with which the client identifies the person. */
export type PersonHint =
  | { readonly kind: 'login'; readonly hint: string }
  | { readonly kind: 'id-token'; readonly token: string };

/** The requested terms as the client wrote them. */
export interface AskedTerms {
  readonly scope: readonly string[];
  /** RFC 8707. */
  readonly resource?: string;
  /** RFC 9396: the elements have not been checked. */
  readonly details?: readonly Json[];
}

/** A client's CIBA request (CIBA Core section 7.1) as received; nothing in it is trusted yet. */
export interface BackchannelRequest {
  readonly hint: PersonHint;
  readonly asked: AskedTerms;
  /** Authentication context classes, in order of preference. */
  readonly acrValues: readonly string[];
  readonly bindingMessage?: string;
  readonly requestedExpirySeconds?: number;
  /** Bearer token that the client wants to receive with the ping. */
  readonly notificationToken?: string;
  /** The DPoP key that must redeem the request (as RFC 9449 section 10 defines for codes). */
  readonly dpopJkt?: string;
}

/** CIBA Core section 7.1: short, with a limited character set, because two people compare it by eye and it must not mislead. */
export const longestBindingMessage = 64;

const words = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const graphic = /^[\x21-\x7e]+$/;
const thumbprint = /^[A-Za-z0-9_-]{43}$/;

/**
 * Parses the parameters. Unknown ones are ignored (CIBA Core section 7.2), including `user_code`, which this server does not
 * support.
 *
 * @throws CodedError of `oauthErrors`
 */
export function parseBackchannelRequest(parameters: Parameters): BackchannelRequest {
  const hint = readHint(parameters);
  const resource = textOf(parameters, 'resource', {
    maxLength: 2_048,
    pattern: graphic,
    reason: 'resource_malformed',
  });
  const details = arrayOf(parameters, 'authorization_details', { maxLength: 32_768, reason: 'details_malformed' });
  const bindingMessage = textOf(parameters, 'binding_message', {
    maxLength: longestBindingMessage,
    pattern: /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
    reason: 'binding_message_unacceptable',
  });
  if (bindingMessage === undefined && details === undefined)
    throw refuse(
      'binding_message_missing',
      'Send a binding_message, which the person can compare on both devices, or authorization_details, which say what exactly it is about.',
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
  if (sent.length > 1) throw refuse('hint_several', `Send one hint that names the person, not ${sent.join(' and ')}.`);
  if (sent[0] === 'login_hint_token')
    throw refuse(
      'login_hint_token_unsupported',
      'A login_hint_token is not supported here: send a login_hint or an id_token_hint.',
    );
  const hint = textOf(parameters, 'login_hint', { maxLength: 256, pattern: graphic });
  if (hint !== undefined) return { kind: 'login', hint };
  const token = textOf(parameters, 'id_token_hint', { maxLength: 8_192, pattern: graphic });
  if (token !== undefined) return { kind: 'id-token', token };
  throw refuse('hint_missing', 'Name the person, by a login_hint or an id_token_hint.');
}

/** RFC 6750 section 2.1: characters allowed after `Bearer`, so that the token cannot inject anything else into the request. */
const bearerToken = /^[A-Za-z0-9._~+/-]+=*$/;

/** CIBA Core section 7.1: at least 128 bits; a character of a bearer token carries at most 6.1 bits. */
const fewestCharacters = 22;
/**
 * A repeated word is long but not random; 128 random bits, even written in decimal, practically always have this many
 * different characters.
 */
const fewestDifferent = 6;

/** The bearer token for the ping, if the client sent one. @throws CodedError `invalid_request` */
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

/** Parameters of a request: strings from a form, JSON values from a signed request. */
export type Parameters = ReadonlyMap<string, Json>;

export interface TextShape {
  readonly maxLength: number;
  readonly pattern: RegExp;
  /** `parameter_malformed` when left out. */
  readonly reason?: BackchannelRefusal;
}

/** A text parameter; undefined if missing or empty (RFC 6749 section 3.1). */
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

/** A space-delimited list without duplicates; empty if missing. */
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

/** An integer of at least one: CIBA Core section 7.1.1 permits `requested_expiry` as a string or a number. */
export function positiveOf(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined || value === '') return undefined;
  const digits = typeof value === 'number' ? String(value) : value;
  if (typeof digits !== 'string' || !/^[1-9]\d{0,8}$/.test(digits))
    throw refuse('parameter_malformed', `The parameter ${name} must be a positive whole number.`);
  return Number(digits);
}

/** A JSON array with at least one element: text in a form, an array in a signed request. */
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
