import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { createKeyCache, importAuthenticatorKey, importVerificationKey } from './key-cache.ts';
import { makePair } from './testing/forge.ts';

const ec = makePair('ES256').jwk;
const ed = makePair('EdDSA').jwk;
const rsa = makePair('PS256').jwk;

describe('a verification key', () => {
  it.each([
    ['P-256', ec, 'ES256'],
    ['Ed25519', ed, 'EdDSA'],
    ['RSA', rsa, 'PS256'],
  ])(
    'of type %s is imported for its one algorithm, under the thumbprint that jose computes',
    async (_, jwk, algorithm) => {
      const key = importVerificationKey({ ...jwk, kid: 'any', use: 'sig', key_ops: ['verify'], alg: algorithm });
      expect(key.algorithm).toBe(algorithm);
      expect(key.thumbprint).toBe(await calculateJwkThumbprint(jwk));
    },
  );

  it('has the thumbprint of the example in RFC 7638 section 3.1', () => {
    const jwk = {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
    };
    expect(importVerificationKey(jwk).thumbprint).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])('is refused when it holds the private member %s', (member) => {
    expect(() => importVerificationKey({ ...ec, [member]: '' })).toThrow(
      expect.objectContaining({ code: 'key_private' }),
    );
  });

  const weak = generateKeyPairSync('rsa', { modulusLength: 2040 }).publicKey.export({ format: 'jwk' });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  it.each([
    ['text', 'text', 'key_malformed'],
    ['null', null, 'key_malformed'],
    ['an array', [ec], 'key_malformed'],
    ['no type', {}, 'key_unsupported'],
    ['a symmetric type', { kty: 'oct' }, 'key_unsupported'],
    ['another curve', p384, 'key_unsupported'],
    ['Ed448', { ...ed, crv: 'Ed448' }, 'key_unsupported'],
    ['X25519', { ...ed, crv: 'X25519' }, 'key_unsupported'],
    ['an RSA key under 2048 bits', weak, 'key_unsupported'],
    ['an RSA exponent of 3', { ...rsa, e: 'Aw' }, 'key_unsupported'],
    ['a modulus in the key of a curve', { ...ec, n: rsa['n'] }, 'key_malformed'],
    ['an exponent in the key of a curve', { ...ec, e: 'AQAB' }, 'key_malformed'],
    ['a coordinate in an RSA key', { ...rsa, x: ec['x'] }, 'key_malformed'],
    ['a curve in an RSA key', { ...rsa, crv: 'P-256' }, 'key_malformed'],
    ['a modulus with leading zeros', { ...rsa, n: `AAAA${rsa['n']}` }, 'key_malformed'],
    ['an enormous modulus', { ...rsa, n: 'u'.repeat(1000) }, 'key_malformed'],
    ['a coordinate cut short', { ...ec, x: ec['x']?.slice(0, 40) }, 'key_malformed'],
    ['a coordinate with padding', { ...ec, x: `${ec['x']}=` }, 'key_malformed'],
    ['a coordinate that is a number', { ...ec, x: 5 }, 'key_malformed'],
    ['a point off the curve', { ...ec, y: ec['x'] }, 'key_malformed'],
    ['an alg of another kind', { ...ec, alg: 'PS256' }, 'key_unsupported'],
    ['an alg of RS256', { ...rsa, alg: 'RS256' }, 'key_unsupported'],
    ['a use of encryption', { ...ec, use: 'enc' }, 'key_unsupported'],
    ['key operations beyond verifying', { ...ec, key_ops: ['verify', 'sign'] }, 'key_unsupported'],
  ])('is refused when it is %s', (_, jwk, code) => {
    expect(() => importVerificationKey(jwk)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
  ])('on %s can only be that of an authenticator', async (namedCurve, algorithm) => {
    const jwk = generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' });
    expect(importAuthenticatorKey(jwk)).toMatchObject({ algorithm, thumbprint: await calculateJwkThumbprint(jwk) });
    expect(() => importVerificationKey(jwk)).toThrow(expect.objectContaining({ code: 'key_unsupported' }));
    expect(() => createKeyCache().import(jwk)).toThrow(expect.objectContaining({ code: 'key_unsupported' }));
    expect(() => importAuthenticatorKey({ ...jwk, x: ec['x'] })).toThrow(
      expect.objectContaining({ code: 'key_malformed' }),
    );
  });
});

describe('the cache of keys', () => {
  it('returns the same imported key for the same key, whatever else the JWK holds', () => {
    const cache = createKeyCache();
    expect(cache.import({ ...ec, kid: 'one' })).toBe(cache.import({ ...ec, kid: 'two', alg: 'ES256' }));
  });

  it('checks every JWK again: a cached key does not excuse a private member', () => {
    const cache = createKeyCache();
    cache.import(ec);
    expect(() => cache.import({ ...ec, d: 'AAAA' })).toThrow(expect.objectContaining({ code: 'key_private' }));
  });

  it('keeps a key that is in use through a flood of others, and drops unused ones', () => {
    const cache = createKeyCache({ maxKeys: 4 });
    const used = cache.import(ec);
    const idle = makePair('EdDSA').jwk;
    const idleKey = cache.import(idle);
    for (let index = 0; index < 20; index++) {
      cache.import(makePair('EdDSA').jwk);
      expect(cache.import(ec)).toBe(used);
    }
    expect(cache.import(idle)).not.toBe(idleKey);
  });
});
