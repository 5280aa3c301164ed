import { describe, expect, it } from 'vitest';
import {
  composeIntrospectionResponse,
  type Introspection,
  introspectionResponseHeader,
  signIntrospectionResponse,
  verifyIntrospectionResponse,
} from './introspection-response.ts';
import { makeIssuerKey } from './testing/issuer-keys.ts';

const issuer = 'https://as.example';
const audience = 'venue';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const key = makeIssuerKey();
const active = { active: true, sub: 'person:1', exp: seconds + 60, scope: 'order:create', client_id: 'oms' } as const;
const claims = { iss: issuer, aud: audience, iat: seconds, token_introspection: active };

function verify(text: string) {
  return verifyIntrospectionResponse(text, { issuer, audience, now, keyOf: key.keyOf });
}

describe('a signed introspection response', () => {
  it.each<Introspection>([active, { active: false }])('is read back as composed: %j', async (introspection) => {
    const composed = composeIntrospectionResponse({ issuer, audience, introspection, now });
    expect(Object.keys(composed)).toEqual(['iss', 'aud', 'iat', 'token_introspection']);
    const text = await signIntrospectionResponse(composed, introspectionResponseHeader(key.name), key.sign);
    expect(verify(text)).toEqual(introspection);
  });

  it('contains nothing about an inactive token, whatever it was given', () => {
    const chatty: Introspection = Object.assign({ active: false } as const, { sub: 'person:1' });
    const composed = composeIntrospectionResponse({ issuer, audience, introspection: chatty, now });
    expect(composed.token_introspection).toEqual({ active: false });
  });

  it('may be longer than a token', () => {
    const long = { ...claims, token_introspection: { ...active, authorization_details: 'x'.repeat(20_000) } };
    expect(verify(key.forge('token-introspection+jwt', long)).active).toBe(true);
    const tooLong = { ...claims, token_introspection: { ...active, authorization_details: 'x'.repeat(32_768) } };
    expect(() => verify(key.forge('token-introspection+jwt', tooLong))).toThrow(
      expect.objectContaining({ code: 'introspection_response_malformed' }),
    );
  });

  it.each([
    ['iss differs', { iss: 'https://evil.example' }, 'introspection_response_issuer'],
    ['it is for another resource server', { aud: 'other' }, 'introspection_response_audience'],
    ['its audience is an array', { aud: [audience] }, 'introspection_response_audience'],
    ['it has a sub of its own', { sub: 'person:1' }, 'introspection_response_claims'],
    ['it has an exp of its own', { exp: seconds + 60 }, 'introspection_response_claims'],
    ['iat is missing', { iat: undefined }, 'introspection_response_time'],
    ['iat is ahead', { iat: seconds + 11 }, 'introspection_response_time'],
    ['it is a minute old', { iat: seconds - 60 }, 'introspection_response_expired'],
    ['it says nothing', { token_introspection: undefined }, 'introspection_response_claims'],
    ['it says a list', { token_introspection: [active] }, 'introspection_response_claims'],
    ['active is missing', { token_introspection: { sub: 'x' } }, 'introspection_response_claims'],
    ['active is text', { token_introspection: { active: 'true' } }, 'introspection_response_claims'],
    [
      'it says more of an inactive token',
      { token_introspection: { active: false, sub: 'person:1' } },
      'introspection_response_claims',
    ],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(key.forge('token-introspection+jwt', { ...claims, ...change }))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it.each([undefined, 'JWT', 'at+jwt', 'application/token-introspection'])('is refused with the typ %s', (typ) => {
    expect(() => verify(key.forge(typ, claims))).toThrow(
      expect.objectContaining({ code: 'introspection_response_type' }),
    );
  });
});
