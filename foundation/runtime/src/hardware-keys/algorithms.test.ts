import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { ecdsaSignatureFromDer } from '@countersign/x509';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedSignature, publicJwkOf, signingOf, thumbprintOf } from './algorithms.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const edwards = generateKeyPairSync('ed25519');
const signRaw = (data: Uint8Array): Buffer => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
const refused = expect.objectContaining({ code: 'hardware_signature_invalid' });

function membersOf(key: KeyObject): Readonly<Record<string, string | undefined>> {
  const { crv, kty, x, y } = key.export({ format: 'jwk' });
  return y === undefined ? { crv, kty, x } : { crv, kty, x, y };
}

describe('a signature of a token', () => {
  it('is released in raw form, and never in DER', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        // A module that returns DER has 70 to 72 octets, sometimes fewer.
        const der = sign('sha256', data, { key: privateKey, dsaEncoding: 'der' });
        expect(() => checkedSignature('ES256', publicKey, data, der)).toThrow(refused);
        const raw = ecdsaSignatureFromDer(der, 32);
        expect(checkedSignature('ES256', publicKey, data, raw)).toBe(raw);
      }),
    );
  });

  it('is not released for other octets, with a changed octet, or cut short', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.nat(63),
        fc.integer({ min: 1, max: 255 }),
        (data, at, by) => {
          const raw = signRaw(data);
          const changed = Buffer.from(raw);
          changed[at] = (changed[at] ?? 0) ^ by;
          for (const [signature, octets] of [
            [changed, data],
            [raw.subarray(0, at), data],
            [raw, data.subarray(1)],
          ] as const)
            expect(() => checkedSignature('ES256', publicKey, octets, signature)).toThrow(refused);
          const own = sign(null, data, edwards.privateKey);
          expect(checkedSignature('EdDSA', edwards.publicKey, data, own)).toBe(own);
          own[at] = (own[at] ?? 0) ^ by;
          expect(() => checkedSignature('EdDSA', edwards.publicKey, data, own)).toThrow(refused);
        },
      ),
    );
  });

  it('is made over the digest for ECDSA, and over the message otherwise', () => {
    const data = Buffer.from('what is signed');
    expect(signingOf('ES256', data, 0).input).toEqual(createHash('sha256').update(data).digest());
    for (const algorithm of ['EdDSA', 'PS256', 'RS256'] as const)
      expect(signingOf(algorithm, data, 0).input).toEqual(data);
  });
});

describe('the public key of a token', () => {
  const jwk = membersOf(publicKey);
  const point = Buffer.concat([
    Buffer.from([4]),
    ...[jwk['x'], jwk['y']].map((part) => Buffer.from(part ?? '', 'base64url')),
  ]);

  it('is read from its point with and without the header of an OCTET STRING', () => {
    for (const written of [point, Buffer.concat([Buffer.from([4, 65]), point])])
      expect(publicJwkOf('ES256', [written])).toEqual(jwk);
    const own = membersOf(edwards.publicKey);
    const octets = Buffer.from(own['x'] ?? '', 'base64url');
    for (const written of [octets, Buffer.concat([Buffer.from([4, 32]), octets])])
      expect(publicJwkOf('EdDSA', [written])).toEqual(own);
  });

  it('is read from an RSA modulus with leading zeros', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(rsa.n ?? '', 'base64url')]);
    expect(publicJwkOf('RS256', [modulus, Buffer.from([0, 1, 0, 1])])).toEqual({ e: 'AQAB', kty: 'RSA', n: rsa.n });
  });

  it('has the thumbprint of RFC 7638', () => {
    const members = { crv: jwk['crv'], kty: jwk['kty'], x: jwk['x'], y: jwk['y'] };
    const expected = createHash('sha256').update(JSON.stringify(members)).digest('base64url');
    expect(thumbprintOf(publicJwkOf('ES256', [point]))).toBe(expected);
  });

  it.each([
    ['a compressed point', Buffer.concat([Buffer.from([2]), point.subarray(1)])],
    ['a point cut short', point.subarray(0, 64)],
    ['no point', Buffer.alloc(0)],
  ])('is refused with %s', (_, written) => {
    expect(() => publicJwkOf('ES256', [written])).toThrow(expect.objectContaining({ code: 'hardware_key_unfit' }));
  });
});
