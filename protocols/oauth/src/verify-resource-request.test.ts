import { sha256Base64Url } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { createKeyCache, importVerificationKey } from './key-cache.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair } from './testing/forge.ts';
import { isKeyUnknown, type ResourceRequest, verifyResourceRequest } from './verify-resource-request.ts';

const issuerPair = makePair('ES256');
const issuerKey = importVerificationKey(issuerPair.jwk);
const holder = makePair('ES256');
const jkt = importVerificationKey(holder.jwk).thumbprint;
const url = 'https://venue.example/orders/17?verbose=1';
const proofKeys = createKeyCache();

function tokenWith(change: object = {}): string {
  return forge(
    issuerPair,
    { alg: 'ES256', typ: 'at+jwt', kid: issuerKey.thumbprint },
    { ...fullClaims(jkt), ...change },
  );
}

function proofFor(token: string, change: object = {}, by = holder): string {
  const claims = {
    jti: 'p-1',
    htm: 'PUT',
    htu: 'https://venue.example/orders/17',
    iat: seconds,
    ath: sha256Base64Url(token),
    ...change,
  };
  return forge(by, { typ: 'dpop+jwt', alg: 'ES256', jwk: by.jwk }, claims);
}

function verify(change: Partial<ResourceRequest> = {}) {
  const token = tokenWith();
  const request = { method: 'PUT', url, authorization: [`DPoP ${token}`], dpop: [proofFor(token)], ...change };
  return verifyResourceRequest(request, {
    issuer,
    audience,
    keyOf: (kid) => (kid === issuerKey.thumbprint ? issuerKey : undefined),
    proofKeys,
    now,
  });
}

describe('a request to a protected interface', () => {
  it('is accepted with a token for it and a proof made for this request by the key the token is bound to', () => {
    const verified = verify();
    expect(verified.claims.sub).toBe('agent:vwap-1');
    expect(verified.scope).toContain('order:create');
    expect(verified.actors).toEqual(['service:venue', 'service:oms']);
    expect(verified.proof).toEqual({ jti: 'p-1', jkt, issuedAt: seconds, expiresAt: (seconds + 70) * 1000 });
  });

  it('may write the scheme in any case (RFC 9110 section 11.1)', () => {
    const token = tokenWith();
    expect(verify({ authorization: [`dpop ${token}`], dpop: [proofFor(token)] }).claims.aud).toBe(audience);
  });

  const token = tokenWith();
  it.each([
    ['no token', { authorization: [] }, 'token_missing'],
    ['two tokens', { authorization: [`DPoP ${token}`, `DPoP ${token}`] }, 'token_scheme'],
    ['the token as Bearer', { authorization: [`Bearer ${token}`] }, 'token_scheme'],
    ['the token as Bearer and no proof', { authorization: [`Bearer ${token}`], dpop: [] }, 'token_scheme'],
    ['the token without a scheme', { authorization: [token] }, 'token_scheme'],
    ['a scheme without a token', { authorization: ['DPoP '] }, 'token_scheme'],
    ['something after the token', { authorization: [`DPoP ${token} more`] }, 'token_scheme'],
    ['two joined tokens', { authorization: [`DPoP ${token}, DPoP ${token}`] }, 'token_scheme'],
    ['no proof', { authorization: [`DPoP ${token}`], dpop: [] }, 'proof_missing'],
    ['two proofs', { authorization: [`DPoP ${token}`], dpop: [proofFor(token), proofFor(token)] }, 'proof_repeated'],
    [
      'a proof for another token',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(tokenWith({ jti: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c4' }))] },
      'proof_token_hash',
    ],
    [
      'a proof without the token hash',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, { ath: undefined })] },
      'proof_token_hash',
    ],
    [
      'a proof for another method',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, { htm: 'POST' })] },
      'proof_method',
    ],
    [
      'a proof for another URL',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, { htu: audience })] },
      'proof_url',
    ],
    [
      'a proof by another key',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, {}, makePair('ES256'))] },
      'proof_binding',
    ],
    ['a token where the proof belongs', { authorization: [`DPoP ${token}`], dpop: [token] }, 'proof_type'],
    ['a proof where the token belongs', { authorization: [`DPoP ${proofFor(token)}`] }, 'token_invalid'],
  ])('is refused with %s', (_, change, code) => {
    expect(() => verify(change)).toThrow(expect.objectContaining({ code, category: 'unauthenticated' }));
  });

  it('tells a verifier with a copy of the keys when that copy may be too old', () => {
    const rolled = forge(issuerPair, { alg: 'ES256', typ: 'at+jwt', kid: 'next' }, fullClaims(jkt));
    try {
      verify({ authorization: [`DPoP ${rolled}`] });
      expect.unreachable();
    } catch (error) {
      expect(isKeyUnknown(error)).toBe(true);
    }
    expect(isKeyUnknown(new Error('token_key_unknown'))).toBe(false);
  });
});
