import type { AskedTerms } from './check-terms.ts';
import { readNotificationToken } from './notification-token.ts';
import { arrayOf, listOf, type Parameters, positiveOf, textOf } from './parameters.ts';
import { refuse } from './refusals.ts';

/** Who is to be asked, as the client has it. */
export type PersonHint =
  | { readonly kind: 'login'; readonly hint: string }
  | { readonly kind: 'id-token'; readonly token: string };

/** What a client asks somebody on their own device (CIBA Core section 7.1); nothing of it is believed yet. */
export interface BackchannelRequest {
  readonly hint: PersonHint;
  readonly asked: AskedTerms;
  /** Classes of sign-in, best first. */
  readonly acrValues: readonly string[];
  readonly bindingMessage?: string;
  readonly requestedExpirySeconds?: number;
  /** Bearer token that the client wants to be pinged with. */
  readonly notificationToken?: string;
  /** The DPoP key that is to redeem (as RFC 9449 section 10 has it for codes). */
  readonly dpopJkt?: string;
}

/** CIBA Core section 7.1 wants it short and of few characters: two people compare it by eye, and it must not deceive. */
export const longestBindingMessage = 64;

const words = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const graphic = /^[\x21-\x7e]+$/;
const thumbprint = /^[A-Za-z0-9_-]{43}$/;

/**
 * Reads the parameters; those that are not known are ignored (CIBA Core section 7.2), among them `user_code`, which
 * this server does not offer.
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
      ...(resource === undefined ? {} : { resource }),
      ...(details === undefined ? {} : { details }),
    },
    acrValues: listOf(parameters, 'acr_values', { maxLength: 1_024, maxItems: 16, pattern: words }),
    ...(bindingMessage === undefined ? {} : { bindingMessage }),
    ...(requestedExpirySeconds === undefined ? {} : { requestedExpirySeconds }),
    ...(notificationToken === undefined ? {} : { notificationToken }),
    ...(dpopJkt === undefined ? {} : { dpopJkt }),
  };
}

/** CIBA Core section 7.1: one of the hints, and only one. */
function readHint(parameters: Parameters): PersonHint {
  const sent = ['login_hint', 'id_token_hint', 'login_hint_token'].filter(
    (name) => parameters.has(name) && parameters.get(name) !== '',
  );
  if (sent.length > 1) throw refuse('hint_several', `Send one hint of who is to be asked, not ${sent.join(' and ')}.`);
  if (sent[0] === 'login_hint_token')
    throw refuse(
      'login_hint_token_unsupported',
      'A login_hint_token is not supported here: send a login_hint or an id_token_hint.',
    );
  const hint = textOf(parameters, 'login_hint', { maxLength: 256, pattern: graphic });
  if (hint !== undefined) return { kind: 'login', hint };
  const token = textOf(parameters, 'id_token_hint', { maxLength: 8_192, pattern: graphic });
  if (token !== undefined) return { kind: 'id-token', token };
  throw refuse('hint_missing', 'Say who is to be asked, by a login_hint or an id_token_hint.');
}
