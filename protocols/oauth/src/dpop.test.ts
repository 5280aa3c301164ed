import { sha256Base64Url } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { type ProofExpectations, verifyProof } from './dpop.ts';
import { createKeyCache, importVerificationKey, signatureAlgorithms } from './key-cache.ts';
import { forge, makePair, type Pair } from './testing/forge.ts';

const now = 1_800_000_000_000;
const seconds = now / 1000;
const url = 'https://as.example/token';
const pair = makePair('ES256');
const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: pair.jwk };
const claims = { jti: 'p-1', htm: 'POST', htu: url, iat: seconds };
const keys = createKeyCache();

function verify(proof: string | readonly string[], expected: Partial<ProofExpectations> = {}) {
  return verifyProof(typeof proof === 'string' ? [proof] : proof, { method: 'POST', url, keys, now, ...expected });
}

function proofOf(change: object, by: Pair = pair): string {
  return forge(by, { ...header, alg: by.algorithm, jwk: by.jwk }, { ...claims, ...change });
}

describe('a DPoP proof', () => {
  it.each(signatureAlgorithms)('signed with %s proves possession of its key', async (algorithm) => {
    const by = makePair(algorithm);
    expect(await verify(proofOf({}, by))).toEqual({
      jti: 'p-1',
      jkt: importVerificationKey(by.jwk).thumbprint,
      issuedAt: seconds,
      expiresAt: (seconds + 70) * 1000,
    });
  });

  it('must be present exactly once', async () => {
    await expect(verify([])).rejects.toThrow(expect.objectContaining({ code: 'proof_missing' }));
    await expect(verify([proofOf({}), proofOf({})])).rejects.toThrow(
      expect.objectContaining({ code: 'proof_repeated' }),
    );
    // Two headers as joined by an HTTP library.
    await expect(verify(`${proofOf({})}, ${proofOf({})}`)).rejects.toThrow(
      expect.objectContaining({ code: 'proof_malformed' }),
    );
  });

  it.each([undefined, 'JWT', 'at+jwt', 'application/dpop', 'client-authentication+jwt'])(
    'is refused with the typ %s',
    async (typ) => {
      await expect(verify(forge(pair, { ...header, typ }, claims))).rejects.toThrow(
        expect.objectContaining({ code: 'proof_type' }),
      );
    },
  );

  it.each([
    ['no key', undefined],
    ['a key with its private half', { ...pair.jwk, d: 'A'.repeat(43) }],
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
    ['a key of another type than its algorithm says', { ...pair.jwk, alg: 'EdDSA' }],
    ['a key that is text', 'key'],
    ['a point off the curve', { ...pair.jwk, x: pair.jwk['y'] }],
  ])('is refused with %s in its header', async (_, jwk) => {
    await expect(verify(forge(pair, { ...header, jwk }, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'proof_key' }),
    );
  });

  it('is refused if its signature is by a key other than the one it shows', async () => {
    await expect(verify(forge(makePair('ES256'), header, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'proof_signature' }),
    );
  });

  it.each(['none', 'NONE', 'HS256', 'ES384'])('is refused with the algorithm %s', async (alg) => {
    await expect(verify(forge(pair, { ...header, alg }, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'proof_algorithm' }),
    );
  });

  it.each(['GET', 'post', '', undefined, 5])('is refused for the method %j', async (htm) => {
    await expect(verify(proofOf({ htm }))).rejects.toThrow(expect.objectContaining({ code: 'proof_method' }));
  });

  it.each([
    ['https://as.example/token?grant=1'],
    ['https://as.example/token#part'],
    ['HTTPS://AS.EXAMPLE/token'],
    ['https://as.example:443/token'],
    ['https://as.example/./token'],
    ['https://as.example/%74oken'],
  ])('matches the same URL written as %s', async (htu) => {
    expect((await verify(proofOf({ htu }))).jti).toBe('p-1');
  });

  it('is compared with the URL of the request without its query, in normal form', async () => {
    const proof = proofOf({ htu: 'https://rs.example/a%2fb/~x' });
    expect((await verify(proof, { url: 'https://rs.example/a%2Fb/%7Ex?page=2' })).jti).toBe('p-1');
  });

  it.each([
    ['another path', 'https://as.example/token/'],
    ['another case of the path', 'https://as.example/Token'],
    ['another host', 'https://evil.example/token'],
    ['another scheme', 'http://as.example/token'],
    ['another port', 'https://as.example:8443/token'],
    ['an encoded slash', 'https://as.example/%2ftoken'],
    ['user information', 'https://as.example@evil.example/token'],
    ['user information before our host', 'https://x:y@as.example/token'],
    ['a relative reference', '/token'],
    ['no http URI', 'urn:example:token'],
    ['text over the limit', `https://as.example/token?${'x'.repeat(3_000)}`],
    ['nothing', undefined],
    ['an array', [url]],
  ])('is refused when its URL is %s', async (_, htu) => {
    await expect(verify(proofOf({ htu }))).rejects.toThrow(expect.objectContaining({ code: 'proof_url' }));
  });

  it.each([
    ['61 seconds old', { iat: seconds - 61 }],
    ['11 seconds ahead', { iat: seconds + 11 }],
    ['not a number', { iat: 'now' }],
    ['missing', { iat: undefined }],
    ['fine but its exp has passed', { exp: seconds }],
    ['fine but its exp is no time', { exp: 'never' }],
    ['fine but its nbf is ahead', { nbf: seconds + 60 }],
  ])('is refused when its iat is %s', async (_, change) => {
    await expect(verify(proofOf(change))).rejects.toThrow(expect.objectContaining({ code: 'proof_time' }));
  });

  it.each([-60, 0, 10])('is accepted when its iat is %d seconds from now', async (difference) => {
    expect((await verify(proofOf({ iat: seconds + difference }))).issuedAt).toBe(seconds + difference);
  });

  it('behind a proxy names the URL that the client knows, not that of the last hop', async () => {
    const expected = { url: 'https://as.example/token' };
    expect((await verify(proofOf({ htu: 'https://as.example/token' }), expected)).jti).toBe('p-1');
    for (const htu of ['http://10.0.0.7:8080/token', 'http://as.example/token', 'https://as.internal/token'])
      await expect(verify(proofOf({ htu }), expected)).rejects.toThrow(expect.objectContaining({ code: 'proof_url' }));
  });

  it.each([undefined, '', 5, 'x'.repeat(129)])('is refused with the jti %j', async (jti) => {
    await expect(verify(proofOf({ jti }))).rejects.toThrow(expect.objectContaining({ code: 'proof_id' }));
  });

  it('must carry the hash of its access token at a resource', async () => {
    const accessToken = 'header.payload.signature';
    expect((await verify(proofOf({ ath: sha256Base64Url(accessToken) }), { accessToken })).jti).toBe('p-1');
    for (const ath of [undefined, sha256Base64Url('another.token.here'), accessToken, null])
      await expect(verify(proofOf({ ath }), { accessToken })).rejects.toThrow(
        expect.objectContaining({ code: 'proof_token_hash' }),
      );
  });
});

describe('a server that issues nonces', () => {
  const accepts = (nonce: string) => nonce === 'fresh';
  const asking = { nonce: { accepts, required: true } };
  const offering = { nonce: { accepts, required: false } };
  const refusal = expect.objectContaining({ code: 'proof_nonce', category: 'unauthenticated' });

  it('accepts a proof with one of them', async () => {
    expect((await verify(proofOf({ nonce: 'fresh' }), asking)).jti).toBe('p-1');
    expect((await verify(proofOf({ nonce: 'fresh' }), offering)).jti).toBe('p-1');
  });

  it('refuses a proof without one if it requires them', async () => {
    await expect(verify(proofOf({}), asking)).rejects.toThrow(refusal);
    expect((await verify(proofOf({}), offering)).jti).toBe('p-1');
  });

  it.each(['stale', '', 5, null, ['fresh'], { fresh: true }, 'x'.repeat(513)])(
    'refuses a proof with the nonce %j, required or not',
    async (nonce) => {
      for (const expected of [asking, offering])
        await expect(verify(proofOf({ nonce }), expected)).rejects.toThrow(refusal);
    },
  );

  it('asks for a nonce before it checks the time, so that a client with a wrong clock can continue', async () => {
    await expect(verify(proofOf({ iat: seconds - 600 }), asking)).rejects.toThrow(refusal);
  });

  it('gives no hint about nonces without a valid signature', async () => {
    await expect(verify(forge(makePair('ES256'), header, claims), asking)).rejects.toThrow(
      expect.objectContaining({ code: 'proof_signature' }),
    );
  });

  it('is optional: other servers ignore a nonce', async () => {
    expect((await verify(proofOf({ nonce: 'any' }))).jti).toBe('p-1');
  });
});
