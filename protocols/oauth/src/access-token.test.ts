import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  type AccessTokenExpectations,
  accessTokenHeader,
  signAccessToken,
  userinfoAudience,
  verifyAccessToken,
} from './access-token.ts';
import { importVerificationKey } from './key-cache.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair, signWith } from './testing/forge.ts';

const pair = makePair('ES256');
const key = importVerificationKey(pair.jwk);
const header = { alg: 'ES256', typ: 'at+jwt', kid: key.thumbprint };
const claims = fullClaims(key.thumbprint);

const certificate = { 'x5t#S256': 'A'.repeat(43) };

function verify(token: string, expected: Partial<AccessTokenExpectations> = {}) {
  return verifyAccessToken(token, {
    issuer,
    acceptsAudience: (asked) => asked === audience,
    keyOf: (kid) => (kid === key.thumbprint ? key : undefined),
    now,
    ...expected,
  });
}

describe('an access token', () => {
  it('is read completely, with its scopes and its chain of actors', () => {
    const token = verify(forge(pair, header, claims));
    expect(token.claims).toEqual(claims);
    expect(token.scope).toEqual(['order:cancel', 'order:create']);
    expect(token.actors).toEqual(['service:venue', 'service:oms']);
  });

  it('with the detail of an application is read, and never has the authority of an intent', () => {
    const { txn: _, intent_digest: __, mandate, ...rest } = claims;
    const detail = { type: 'https://portal.example/details/note-access', note: 'steel-2026' };
    const reading = { ...rest, scope: 'order:read', authorization_details: [detail] };
    expect(verify(forge(pair, header, reading)).claims).toEqual(reading);
    // It is also refused with all the members of an intent, or combined with an intent.
    const dressed = { ...detail, mandate_id: (mandate as { readonly id: string }).id };
    for (const forged of [
      { ...claims, authorization_details: [dressed] },
      { ...claims, authorization_details: [detail, ...(claims['authorization_details'] as readonly object[])] },
    ])
      expect(() => verify(forge(pair, header, forged))).toThrow(expect.objectContaining({ code: 'token_invalid' }));
  });

  it('may be bound to a certificate instead of a key, and name its consent and its region', () => {
    const bound = { ...claims, cnf: certificate, grant: 'B'.repeat(43), region: 'eu-central' };
    expect(verify(forge(pair, header, bound)).claims).toEqual(bound);
  });

  it('may be unbound if it is only for userinfo and the verifier allows it', () => {
    const { cnf: _, ...rest } = claims;
    const unbound = { ...rest, aud: userinfoAudience(issuer), scope: 'openid' };
    const token = forge(pair, header, unbound);
    const acceptsAudience = (asked: string) => asked === userinfoAudience(issuer);
    expect(verify(token, { acceptsAudience, allowUnbound: true }).claims).toEqual(unbound);
    for (const allowUnbound of [false, undefined])
      expect(() => verify(token, { acceptsAudience, ...(allowUnbound === undefined ? {} : { allowUnbound }) })).toThrow(
        expect.objectContaining({ code: 'token_invalid' }),
      );
  });

  it('is never unbound at a market interface, whatever its verifier allows', () => {
    const { cnf: _, ...unbound } = claims;
    for (const aud of [audience, issuer, `${audience}/userinfo`, `${issuer}/userinfo/`])
      expect(() =>
        verify(forge(pair, header, { ...unbound, aud }), { acceptsAudience: () => true, allowUnbound: true }),
      ).toThrow(expect.objectContaining({ code: 'token_invalid' }));
  });

  it('that we sign is accepted by us and by jose', async () => {
    const { claims: parsed } = verify(forge(pair, header, claims));
    const token = await signAccessToken(
      parsed,
      accessTokenHeader({ kid: key.thumbprint, algorithm: 'ES256' }),
      async (data) => signWith(pair, data),
    );
    expect(verify(token).claims).toEqual(claims);
    const theirs = await jwtVerify(token, key.key, { issuer, audience, typ: 'at+jwt', currentDate: new Date(now) });
    expect(theirs.payload).toEqual(claims);
  });

  it('may have the typ application/at+jwt (RFC 9068 section 4)', () => {
    expect(verify(forge(pair, { ...header, typ: 'application/at+jwt' }, claims)).claims.sub).toBe('agent:vwap-1');
  });

  it.each([
    undefined,
    'JWT',
    'dpop+jwt',
    'client-authentication+jwt',
    'at+jwt;x',
    'txntoken+jwt',
    'token-introspection+jwt',
    'countersign-approval+jwt',
  ])('is refused with the typ %s', (typ) => {
    expect(() => verify(forge(pair, { ...header, typ }, claims))).toThrow(
      expect.objectContaining({ code: 'token_type' }),
    );
  });

  it('is refused if it names no key or an unknown one, or includes its own', () => {
    for (const kid of [undefined, 'unknown', ''])
      expect(() => verify(forge(pair, { ...header, kid }, claims))).toThrow(
        expect.objectContaining({ code: 'token_key_unknown' }),
      );
    expect(() => verify(forge(pair, { ...header, jwk: pair.jwk }, claims))).toThrow(
      expect.objectContaining({ code: 'token_invalid' }),
    );
  });

  it('is refused if another key signed it under our kid', () => {
    expect(() => verify(forge(makePair('ES256'), header, claims))).toThrow(
      expect.objectContaining({ code: 'token_signature' }),
    );
  });

  it.each(['none', 'None', 'HS256'])('is refused with the algorithm %s', (alg) => {
    expect(() => verify(forge(pair, { ...header, alg }, claims))).toThrow(
      expect.objectContaining({ code: 'token_invalid' }),
    );
  });

  it.each([
    ['another issuer', { iss: 'https://evil.example' }, 'token_issuer'],
    ['no issuer', { iss: undefined }, 'token_issuer'],
    ['another audience', { aud: 'https://clearing.example' }, 'token_audience'],
    ['our audience in an array', { aud: [audience] }, 'token_audience'],
    ['no audience', { aud: undefined }, 'token_audience'],
    ['an exp that has passed', { exp: seconds }, 'token_expired'],
    ['no exp', { exp: undefined }, 'token_invalid'],
    ['no iat', { iat: undefined }, 'token_invalid'],
    ['an iat far ahead', { iat: seconds + 11 }, 'token_invalid'],
    ['an nbf far ahead', { nbf: seconds + 11 }, 'token_invalid'],
    ['a life of 301 seconds', { exp: seconds + 301 }, 'token_invalid'],
    ['no subject', { sub: undefined }, 'token_invalid'],
    ['no client', { client_id: undefined }, 'token_invalid'],
    ['no jti', { jti: undefined }, 'token_invalid'],
    ['a jti of another kind', { jti: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' }, 'token_invalid'],
    ['no scope', { scope: undefined }, 'token_invalid'],
    ['no confirmation', { cnf: undefined }, 'token_invalid'],
    ['a confirmation of no kind', { cnf: {} }, 'token_invalid'],
    ['a confirmation of an unknown kind', { cnf: { kid: 'k' } }, 'token_invalid'],
    ['a confirmation by key and by certificate', { cnf: { jkt: key.thumbprint, ...certificate } }, 'token_invalid'],
    ['a confirmation with more to it', { cnf: { ...certificate, jku: 'https://evil.example' } }, 'token_invalid'],
    ['a confirmation by a short thumbprint', { cnf: { 'x5t#S256': 'short' } }, 'token_invalid'],
    ['a confirmation by the SHA-1 of a certificate', { cnf: { x5t: 'A'.repeat(43) } }, 'token_invalid'],
    ['a confirmation that is null', { cnf: null }, 'token_invalid'],
    ['a confirmation that is a list', { cnf: [key.thumbprint] }, 'token_invalid'],
    ['a grant of the wrong shape', { grant: 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3' }, 'token_invalid'],
    ['a region that is empty', { region: '' }, 'token_invalid'],
    ['a region that is a number', { region: 5 }, 'token_invalid'],
    ['no institution', { lei: undefined }, 'token_invalid'],
    ['no evidence', { evidence: undefined }, 'token_invalid'],
    ['a policy version that is text', { policy_version: '3' }, 'token_invalid'],
    ['an act that is text', { act: 'service:venue' }, 'token_invalid'],
    [
      'an act five deep',
      { act: { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd', act: { sub: 'e' } } } } } },
      'token_invalid',
    ],
    ['a may_act that is text', { may_act: 'service:clearing' }, 'token_invalid'],
    ['a may_act that is null', { may_act: null }, 'token_invalid'],
    ['details of an unknown type', { authorization_details: [{ type: 'anything' }] }, 'token_invalid'],
    ['an empty list of details', { authorization_details: [] }, 'token_invalid'],
    ['a mandate without version', { mandate: { id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3' } }, 'token_invalid'],
    ['an intent digest of the wrong shape', { intent_digest: 'short' }, 'token_invalid'],
    ['a transaction of the wrong shape', { txn: 'mine' }, 'token_invalid'],
    ['an auth_time that is text', { auth_time: 'noon' }, 'token_invalid'],
  ])('is refused with %s', (_, change, code) => {
    expect(() => verify(forge(pair, header, { ...claims, ...change }))).toThrow(
      expect.objectContaining({ code, category: 'unauthenticated' }),
    );
  });
});
