import { describe, expect, it } from 'vitest';
import { composeLogoutToken, logoutTokenHeader, signLogoutToken, verifyLogoutToken } from './logout-token.ts';
import { makeIssuerKey } from './testing/issuer-keys.ts';

const issuer = 'https://as.example';
const clientId = 'dashboard';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const key = makeIssuerKey();
const event = 'http://schemas.openid.net/event/backchannel-logout';
const claims = {
  iss: issuer,
  aud: clientId,
  iat: seconds,
  exp: seconds + 120,
  jti: 'l-1',
  sub: 'person:1',
  sid: 'session-1',
  events: { [event]: {} },
};

function verify(token: string) {
  return verifyLogoutToken(token, { issuer, clientId, now, keyOf: key.keyOf });
}

describe('a logout token', () => {
  it.each([{ sid: 'session-1', sub: 'person:1' }, { sid: 'session-1' }, { sub: 'person:1' }])(
    'ends %j, once, within two minutes',
    async (ended) => {
      const composed = composeLogoutToken({ issuer, clientId, ended, jti: 'l-1', now });
      expect(composed).toEqual({ ...ended, ...claims, sub: ended.sub, sid: ended.sid });
      const token = await signLogoutToken(composed, logoutTokenHeader(key.name), key.sign);
      expect(verify(token)).toEqual({ ended, jti: 'l-1', expiresAt: now + 130_000 });
    },
  );

  it('may carry other events besides its own', () => {
    const events = { [event]: { reason: 'x' }, 'urn:example:other': {} };
    expect(verify(key.forge('logout+jwt', { ...claims, events })).jti).toBe('l-1');
  });

  it.each([
    ['iss differs', { iss: 'https://evil.example' }, 'logout_token_issuer'],
    ['it is for another client', { aud: 'other' }, 'logout_token_audience'],
    ['its audience is an array', { aud: [clientId] }, 'logout_token_audience'],
    ['it has expired', { iat: seconds - 120, exp: seconds }, 'logout_token_expired'],
    ['exp is missing', { exp: undefined }, 'logout_token_time'],
    ['iat is missing', { iat: undefined }, 'logout_token_time'],
    ['iat is ahead', { iat: seconds + 11 }, 'logout_token_time'],
    ['it lives for more than two minutes', { exp: seconds + 121 }, 'logout_token_time'],
    ['jti is missing', { jti: undefined }, 'logout_token_claims'],
    ['jti is too long', { jti: 'x'.repeat(129) }, 'logout_token_claims'],
    ['events are missing', { events: undefined }, 'logout_token_claims'],
    ['events are a list', { events: [event] }, 'logout_token_claims'],
    ['the event is another', { events: { 'urn:example:other': {} } }, 'logout_token_claims'],
    ['the event is null', { events: { [event]: null } }, 'logout_token_claims'],
    ['it has a nonce', { nonce: 'n' }, 'logout_token_claims'],
    ['it has a nonce that is null', { nonce: null }, 'logout_token_claims'],
    ['it names no subject', { sub: undefined, sid: undefined }, 'logout_token_claims'],
    ['sid is a number', { sid: 5 }, 'logout_token_claims'],
    ['sub is empty', { sub: '' }, 'logout_token_claims'],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(key.forge('logout+jwt', { ...claims, ...change }))).toThrow(expect.objectContaining({ code }));
  });

  it.each([undefined, 'JWT', 'secevent+jwt', 'at+jwt', 'logout'])('is refused with the typ %s', (typ) => {
    expect(() => verify(key.forge(typ, claims))).toThrow(expect.objectContaining({ code: 'logout_token_type' }));
  });
});
