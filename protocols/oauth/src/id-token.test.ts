import { describe, expect, it } from 'vitest';
import {
  accessTokenHash,
  type IdTokenClaims,
  idTokenHeader,
  signIdToken,
  verifyIdToken,
  verifyIdTokenHint,
} from './id-token.ts';
import { importIssuerKey, signatureAlgorithms } from './key-cache.ts';
import { forge, makePair } from './testing/forge.ts';
import { makeIssuerKey } from './testing/issuer-keys.ts';

const issuer = 'https://as.example';
const clientId = 'dashboard';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const key = makeIssuerKey();
const claims: IdTokenClaims = {
  iss: issuer,
  sub: 'person:1',
  aud: clientId,
  iat: seconds,
  exp: seconds + 300,
  auth_time: seconds - 60,
  nonce: 'n-0S6_WzA2Mj',
  acr: 'urn:example:hardware',
  amr: ['hwk', 'user'],
  sid: 'ses_01k9z3m8q4d6s0v2x5y7a9b1c3',
};

function verify(token: string, more: { readonly nonce?: string; readonly accessToken?: string } = {}) {
  return verifyIdToken(token, { issuer, clientId, now, keyOf: key.keyOf, ...more });
}

describe('an ID token', () => {
  it.each(signatureAlgorithms)(
    'signed with %s states who signed in, and is bound to the access token',
    async (algorithm) => {
      const signer = makeIssuerKey(algorithm);
      const bound = { ...claims, at_hash: accessTokenHash('the access token', algorithm) };
      const token = await signIdToken(bound, idTokenHeader(signer.name), signer.sign);
      const expected = { issuer, clientId, now, keyOf: signer.keyOf, nonce: 'n-0S6_WzA2Mj' };
      expect(verifyIdToken(token, { ...expected, accessToken: 'the access token' })).toEqual(bound);
      expect(() => verifyIdToken(token, { ...expected, accessToken: 'another access token' })).toThrow(
        expect.objectContaining({ code: 'id_token_access_token' }),
      );
    },
  );

  it('has the at_hash of OpenID Connect Core appendix A.3', () => {
    expect(accessTokenHash('jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y', 'ES256')).toBe('77QmUPtjPfzWtF2AnpK9RQ');
    expect(accessTokenHash('a', 'PS256')).toBe(accessTokenHash('a', 'ES256'));
    expect(Buffer.from(accessTokenHash('a', 'EdDSA'), 'base64url')).toHaveLength(32);
  });

  it('is accepted without a typ and without optional claims', () => {
    const { nonce: _nonce, acr: _acr, amr: _amr, sid: _sid, ...least } = claims;
    expect(verify(key.forge(undefined, least))).toEqual(least);
  });

  it.each([
    ['iss differs', { iss: 'https://evil.example' }, 'id_token_issuer'],
    ['iss is missing', { iss: undefined }, 'id_token_issuer'],
    ['it is for another client', { aud: 'other' }, 'id_token_audience'],
    ['its audience is an array', { aud: [clientId] }, 'id_token_audience'],
    ['its audience is missing', { aud: undefined }, 'id_token_audience'],
    ['it has expired', { iat: seconds - 300, exp: seconds }, 'id_token_expired'],
    ['exp is missing', { exp: undefined }, 'id_token_time'],
    ['iat is missing', { iat: undefined }, 'id_token_time'],
    ['iat is 11 seconds ahead', { iat: seconds + 11 }, 'id_token_time'],
    ['it lives for more than an hour', { exp: seconds + 3_601 }, 'id_token_time'],
    ['sub is missing', { sub: undefined }, 'id_token_claims'],
    ['sub has 256 characters', { sub: 'x'.repeat(256) }, 'id_token_claims'],
    ['auth_time is missing', { auth_time: undefined }, 'id_token_claims'],
    ['auth_time is text', { auth_time: '1' }, 'id_token_claims'],
    ['acr is a list', { acr: ['urn:a'] }, 'id_token_claims'],
    ['amr is text', { amr: 'pwd' }, 'id_token_claims'],
    ['amr is empty', { amr: [] }, 'id_token_claims'],
    ['sid is null', { sid: null }, 'id_token_claims'],
    ['nonce is a number', { nonce: 5 }, 'id_token_claims'],
    ['it holds a code, as an authorization response', { code: 'x' }, 'id_token_type'],
    ['it holds an error, as an authorization response', { error: 'x' }, 'id_token_type'],
    ['it holds events, as a logout token', { events: {} }, 'id_token_type'],
    ['it holds scope, as an access token', { scope: 'order:create' }, 'id_token_type'],
    ['it holds cnf, as an access token', { cnf: {} }, 'id_token_type'],
    ['it holds token_introspection', { token_introspection: {} }, 'id_token_type'],
    ['it holds response_type, as a request object', { response_type: 'code' }, 'id_token_type'],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(key.forge('JWT', { ...claims, ...change }))).toThrow(
      expect.objectContaining({ code, category: 'unauthenticated' }),
    );
  });

  it('is refused with a nonce other than the one sent, or with none', () => {
    for (const nonce of ['another', undefined])
      expect(() => verify(key.forge('JWT', { ...claims, nonce }), { nonce: 'n-0S6_WzA2Mj' })).toThrow(
        expect.objectContaining({ code: 'id_token_nonce' }),
      );
  });

  it('is refused without at_hash if an access token was issued with it', () => {
    expect(() => verify(key.forge('JWT', claims), { accessToken: 'x' })).toThrow(
      expect.objectContaining({ code: 'id_token_access_token' }),
    );
  });

  it.each(['at+jwt', 'logout+jwt', 'dpop+jwt', 'oauth-id-jag+jwt', 'txntoken+jwt', 'ID', ''])(
    'is refused with the typ %j',
    (typ) => {
      expect(() => verify(key.forge(typ, claims))).toThrow(expect.objectContaining({ code: 'id_token_type' }));
    },
  );

  it('is refused with an unknown key, and without a kid', () => {
    const stranger = makeIssuerKey();
    expect(() => verify(stranger.forge('JWT', claims))).toThrow(expect.objectContaining({ code: 'id_token_key' }));
    expect(() => verifyIdToken(stranger.forge('JWT', claims), { issuer, clientId, now, keyOf: () => key.key })).toThrow(
      expect.objectContaining({ code: 'id_token_signature' }),
    );
  });
});

describe('an ID token used as a hint', () => {
  const hint = (token: string) => verifyIdTokenHint(token, { issuer, now, keyOf: key.keyOf });

  it('states who signed in at which client, long after it has expired', () => {
    const old = { ...claims, iat: seconds - 86_400, exp: seconds - 86_000, auth_time: seconds - 86_500 };
    expect(hint(key.forge('JWT', old))).toEqual(old);
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }, 'id_token_issuer'],
    ['from the future', { iat: seconds + 11 }, 'id_token_time'],
    ['without an end', { exp: undefined }, 'id_token_time'],
    ['for several clients', { aud: [clientId] }, 'id_token_claims'],
    ['that is a logout token', { events: {} }, 'id_token_type'],
  ])('is refused when it is one %s', (_, change, code) => {
    expect(() => hint(key.forge('JWT', { ...claims, ...change }))).toThrow(expect.objectContaining({ code }));
  });

  it('is accepted in RS256 only from our own key that signs with it', () => {
    const pair = makePair('RS256');
    const signed = (alg: string) => forge(pair, { alg, typ: 'JWT', kid: 'rsa' }, claims);
    const by = (algorithm: 'RS256' | 'PS256') => {
      const own = importIssuerKey(pair.jwk, algorithm);
      return (token: string) => verifyIdTokenHint(token, { issuer, now, keyOf: () => own });
    };
    expect(by('RS256')(signed('RS256'))).toEqual(claims);
    const refused = expect.objectContaining({ code: 'id_token_algorithm' });
    // Each key has one algorithm: neither the header nor the key permits the other.
    expect(() => by('PS256')(signed('RS256'))).toThrow(refused);
    expect(() => by('RS256')(signed('PS256'))).toThrow(refused);
    expect(() => importIssuerKey(makePair('ES256').jwk, 'RS256')).toThrow(
      expect.objectContaining({ code: 'key_unsupported' }),
    );
    // A partner's ID token with RS256 is still refused.
    const partner = importIssuerKey(pair.jwk, 'PS256');
    const expected = { issuer, clientId, now, keyOf: () => partner as ReturnType<typeof key.keyOf> };
    expect(() => verifyIdToken(signed('RS256'), expected)).toThrow(refused);
  });

  it('signed by a removed key is reported separately, so that the person can be asked instead', () => {
    expect(() => hint(makeIssuerKey().forge('JWT', claims))).toThrow(expect.objectContaining({ code: 'id_token_key' }));
  });
});
