import { type Parameters, textOf } from './parameters.ts';
import { refuse } from './refusals.ts';

/** RFC 6750 section 2.1: what may stand behind `Bearer` in a header, so that nothing else of the request can. */
const bearerToken = /^[A-Za-z0-9._~+/-]+=*$/;

/** CIBA Core section 7.1: at least 128 bits, and no character of a bearer token carries more than 6.1. */
const fewestCharacters = 22;
/** A repeated word has length and no randomness; of 128 random bits, even in decimal, fewer are not to be met. */
const fewestDifferent = 6;

/** The token that the client is pinged with, if it sent one. @throws CodedError `invalid_request` */
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
