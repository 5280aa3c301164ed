import { describe, expect, it } from 'vitest';
import {
  type AuthorizationResponse,
  authorizationResponseHeader,
  composeAuthorizationResponse,
  signAuthorizationResponse,
  verifyAuthorizationResponse,
} from './jarm.ts';
import { makeIssuerKey } from './testing/issuer-keys.ts';

const issuer = 'https://as.example';
const clientId = 'dashboard';
const now = 1_800_000_000_500;
const seconds = Math.floor(now / 1000);
const key = makeIssuerKey();
const claims = { iss: issuer, aud: clientId, exp: seconds + 300, code: 'SplxlOBeZQQYbYS6WxSbIA', state: 'af0ifjsldkj' };

function verify(text: string) {
  return verifyAuthorizationResponse(text, { issuer, clientId, now, keyOf: key.keyOf });
}

describe('a signed authorization response', () => {
  it.each<AuthorizationResponse>([
    { code: 'SplxlOBeZQQYbYS6WxSbIA', state: 'af0ifjsldkj' },
    { code: 'SplxlOBeZQQYbYS6WxSbIA' },
    { error: 'access_denied', error_description: 'The person said no.', state: 'af0ifjsldkj' },
    { error: 'server_error' },
  ])('is read back as composed: %j', async (response) => {
    const composed = composeAuthorizationResponse({ issuer, clientId, response, now });
    expect(composed).toMatchObject({ iss: issuer, aud: clientId, exp: seconds + 300 });
    const text = await signAuthorizationResponse(composed, authorizationResponseHeader(key.name), key.sign);
    expect(verify(text)).toEqual(response);
  });

  it('is accepted without a typ, and with unknown claims', () => {
    expect(verify(key.forge(undefined, { ...claims, iat: seconds, session_state: 'x' }))).toEqual({
      code: claims.code,
      state: claims.state,
    });
  });

  it('checks the issuer before looking for a key', () => {
    const text = key.forge('JWT', { ...claims, iss: 'https://evil.example' });
    const keyOf = () => {
      throw new Error('a key was looked for');
    };
    expect(() => verifyAuthorizationResponse(text, { issuer, clientId, now, keyOf })).toThrow(
      expect.objectContaining({ code: 'authorization_response_issuer', category: 'unauthenticated' }),
    );
  });

  it.each([
    ['the issuer differs by a slash', { iss: `${issuer}/` }, 'authorization_response_issuer'],
    ['the issuer is missing', { iss: undefined }, 'authorization_response_issuer'],
    ['it is for another client', { aud: 'other' }, 'authorization_response_audience'],
    ['its audience is an array', { aud: [clientId] }, 'authorization_response_audience'],
    ['its audience is missing', { aud: undefined }, 'authorization_response_audience'],
    ['exp is missing', { exp: undefined }, 'authorization_response_time'],
    ['exp is text', { exp: String(seconds + 60) }, 'authorization_response_time'],
    ['exp is now', { exp: now / 1000 }, 'authorization_response_expired'],
    ['it is good for more than ten minutes', { exp: seconds + 620 }, 'authorization_response_time'],
    ['iat is ahead', { iat: seconds + 20 }, 'authorization_response_time'],
    ['nbf is ahead', { nbf: seconds + 20 }, 'authorization_response_time'],
    ['it holds neither code nor error', { code: undefined }, 'authorization_response_parameters'],
    ['it holds code and error', { error: 'access_denied' }, 'authorization_response_parameters'],
    ['the code is a number', { code: 5 }, 'authorization_response_parameters'],
    ['the code is too long', { code: 'x'.repeat(2_049) }, 'authorization_response_parameters'],
    ['the state is null', { state: null }, 'authorization_response_parameters'],
    ['it has a subject, as an ID token', { sub: 'person:1' }, 'authorization_response_type'],
    ['it has events, as a logout token', { events: {} }, 'authorization_response_type'],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(key.forge('JWT', { ...claims, ...change }))).toThrow(expect.objectContaining({ code }));
  });

  it.each(['at+jwt', 'logout+jwt', 'token-introspection+jwt', ''])('is refused with the typ %j', (typ) => {
    expect(() => verify(key.forge(typ, claims))).toThrow(
      expect.objectContaining({ code: 'authorization_response_type' }),
    );
  });

  it('is refused if its key is unknown or another key signed', () => {
    const stranger = makeIssuerKey();
    expect(() => verify(stranger.forge('JWT', claims))).toThrow(
      expect.objectContaining({ code: 'authorization_response_key' }),
    );
    const text = stranger.forge('JWT', claims);
    expect(() => verifyAuthorizationResponse(text, { issuer, clientId, now, keyOf: () => key.key })).toThrow(
      expect.objectContaining({ code: 'authorization_response_signature' }),
    );
  });
});
