import { CodedError, sha256Base64Url } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { verifyAccessToken } from './access-token.ts';
import { verifyClientAssertion } from './client-assertion.ts';
import { verifyProof } from './dpop.ts';
import { createKeyCache, importVerificationKey } from './key-cache.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair } from './testing/forge.ts';

/**
 * The worst case for confusion: one key signs every kind of token, every kind carries the claims of every other,
 * and every verifier knows the key. What still tells them apart must then be the kind itself.
 */
const pair = makePair('ES256');
const key = importVerificationKey(pair.jwk);
const keys = createKeyCache();
const url = 'https://as.example/token';
const everyClaim = {
  ...fullClaims(key.thumbprint),
  jti: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3',
  iss: issuer,
  sub: issuer,
  aud: issuer,
  htm: 'POST',
  htu: url,
  ath: sha256Base64Url('token'),
  exp: seconds + 60,
};
const header = { alg: 'ES256', kid: key.thumbprint };
const classes = {
  'client assertion': forge(pair, { ...header, typ: 'client-authentication+jwt' }, everyClaim),
  'DPoP proof': forge(pair, { ...header, typ: 'dpop+jwt', jwk: pair.jwk }, everyClaim),
  'access token': forge(pair, { ...header, typ: 'at+jwt' }, everyClaim),
  approval: forge(pair, { ...header, typ: 'countersign-approval+jwt' }, everyClaim),
  'security event': forge(pair, { ...header, typ: 'secevent+jwt' }, everyClaim),
  'request object': forge(pair, { ...header, typ: 'oauth-authz-req+jwt' }, everyClaim),
  'transaction token': forge(pair, { ...header, typ: 'txntoken+jwt' }, everyClaim),
};
const verifiers = {
  'client assertion': (token: string) =>
    verifyClientAssertion(token, { issuer, now, keysOf: () => [{ kid: key.thumbprint, key }] }),
  'DPoP proof': (token: string) => verifyProof([token], { method: 'POST', url, keys, now }),
  'access token': (token: string) =>
    verifyAccessToken(token, { issuer, acceptsAudience: (asked) => asked === issuer, keyOf: () => key, now }),
};
const pairs = Object.entries(verifiers).flatMap(([verifier, verify]) =>
  Object.entries(classes).map(([kind, token]) => ({ verifier, verify, kind, token })),
);

describe('every kind of token at every verifier', () => {
  it.each(pairs.filter(({ verifier, kind }) => verifier === kind))('a $kind is one', ({ verify, token }) => {
    expect(verify(token)).toBeDefined();
  });

  it.each(pairs.filter(({ verifier, kind }) => verifier !== kind))('a $kind is no $verifier', ({ verify, token }) => {
    expect(() => verify(token)).toThrow(CodedError);
  });

  it('a token without a typ is at most a client assertion, and needs its claims', () => {
    const untyped = forge(pair, header, everyClaim);
    expect(verifiers['client assertion'](untyped).clientId).toBe(issuer);
    expect(() => verifiers['DPoP proof'](untyped)).toThrow(expect.objectContaining({ code: 'proof_type' }));
    expect(() => verifiers['access token'](untyped)).toThrow(expect.objectContaining({ code: 'token_type' }));
    const forAResource = forge(pair, header, { ...everyClaim, aud: audience });
    expect(() => verifiers['client assertion'](forAResource)).toThrow(
      expect.objectContaining({ code: 'client_assertion_audience' }),
    );
  });
});
