import * as node from 'node:crypto';
import { createSelfSigned, createTestAuthority } from '@countersign/testkit';
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as shim from './crypto.ts';

// Compares the browser's replacement of `node:crypto` with Node.

const octets = fc.uint8Array({ maxLength: 300 });
const message = Buffer.from('what is signed');

describe('hashing in the browser', () => {
  it('gives the same hash as Node', () => {
    fc.assert(
      fc.property(octets, fc.constantFrom('sha1', 'sha256', 'sha384', 'sha512'), (data, algorithm) => {
        expect(shim.createHash(algorithm).update(data).update('x').digest()).toEqual(
          node.createHash(algorithm).update(data).update('x').digest(),
        );
        expect(shim.hash(algorithm, data, 'buffer')).toEqual(node.hash(algorithm, data, 'buffer'));
        for (const encoding of ['base64url', 'binary', 'hex', 'base64'] as const)
          expect(shim.hash(algorithm, data, encoding)).toBe(node.hash(algorithm, data, encoding));
      }),
    );
    expect(() => shim.createHash('md5').digest()).toThrow('does not compute');
  });
});

interface Scheme {
  readonly name: string;
  readonly make: () => node.KeyPairKeyObjectResult;
  readonly hash: string | null;
  /** Options that Node and the replacement accept beside the key. */
  readonly options?: { readonly dsaEncoding?: 'ieee-p1363'; readonly padding?: number; readonly saltLength?: number };
}

const ec = (namedCurve: string) => () => node.generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number) => () => node.generateKeyPairSync('rsa', { modulusLength });
const pss = (saltLength: number) => ({ padding: node.constants.RSA_PKCS1_PSS_PADDING, saltLength });

const schemes: readonly Scheme[] = [
  { name: 'ES256', make: ec('P-256'), hash: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  { name: 'ECDSA on P-256 in DER', make: ec('P-256'), hash: 'sha256' },
  { name: 'ECDSA on P-384 in DER', make: ec('P-384'), hash: 'sha384' },
  { name: 'ECDSA on P-384 with SHA-512', make: ec('P-384'), hash: 'sha512' },
  { name: 'ES384', make: ec('P-384'), hash: 'sha384', options: { dsaEncoding: 'ieee-p1363' } },
  { name: 'ES512', make: ec('P-521'), hash: 'sha512', options: { dsaEncoding: 'ieee-p1363' } },
  { name: 'ECDSA on P-521 in DER', make: ec('P-521'), hash: 'sha512' },
  { name: 'Ed25519', make: () => node.generateKeyPairSync('ed25519'), hash: null },
  { name: 'RSA PKCS #1', make: rsa(2048), hash: 'sha256' },
  { name: 'RSA PKCS #1 with SHA-512', make: rsa(2048), hash: 'sha512' },
  { name: 'RSA of an odd length', make: rsa(2049), hash: 'sha256' },
  { name: 'PS256', make: rsa(2048), hash: 'sha256', options: pss(32) },
  { name: 'PSS of an odd length', make: rsa(2049), hash: 'sha384', options: pss(48) },
  { name: 'PSS without salt', make: rsa(2048), hash: 'sha256', options: pss(0) },
];

describe('signatures in the browser', () => {
  it.each(schemes)('of $name are judged as in Node', { timeout: 120_000 }, ({ make, hash, options = {} }) => {
    const { privateKey, publicKey } = make();
    const other = make().publicKey;
    const spki = (key: node.KeyObject) =>
      ({ key: key.export({ format: 'der', type: 'spki' }), format: 'der', type: 'spki' }) as const;
    const judge = (key: node.KeyObject, data: Uint8Array, signature: Uint8Array) => ({
      node: node.verify(hash, data, { key, ...options }, signature),
      shim: shim.verify(hash, data, { key: shim.createPublicKey(spki(key)), ...options }, signature),
    });
    for (let round = 0; round < 3; round++) {
      const signature = node.sign(hash, message, { key: privateKey, ...options });
      expect(judge(publicKey, message, signature)).toEqual({ node: true, shim: true });
      expect(judge(other, message, signature)).toEqual({ node: false, shim: false });
      expect(judge(publicKey, Buffer.from('another'), signature)).toEqual({ node: false, shim: false });
      for (let position = 0; position < signature.length; position += 7) {
        const changed = Buffer.from(signature);
        changed[position] = (changed[position] ?? 0) ^ (1 << (position % 8));
        const judged = judge(publicKey, message, changed);
        expect(judged.shim, `byte ${position}`).toBe(judged.node);
      }
      for (const odd of [
        Buffer.alloc(0),
        Buffer.concat([signature, Buffer.alloc(1)]),
        Buffer.alloc(signature.length),
        Buffer.alloc(signature.length, 0xff),
      ])
        expect(judge(publicKey, message, odd)).toEqual({ node: false, shim: false });
      // RFC 8017 section 8.1.2 requires the full length; OpenSSL allows the leading zeros of a PSS signature to be omitted.
      expect(judge(publicKey, message, signature.subarray(1)).shim).toBe(false);
    }
  });

  it('of Ed25519 are judged as in Node, also under a key with a component of small order', () => {
    const { Point } = ed25519;
    const secret = 5n;
    const small = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
    const point = Point.BASE.multiply(secret).add(small).toBytes();
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(point).toString('base64url') };
    const judged = Array.from({ length: 32 }, (_, round) => {
      const data = Buffer.from(`message ${round}`);
      const commitment = Point.BASE.multiply(7n).toBytes();
      const challenge = bytesToNumberLE(
        node
          .createHash('sha512')
          .update(Buffer.concat([commitment, point, data]))
          .digest(),
      );
      const answer = numberToBytesLE(Point.Fn.create(7n + Point.Fn.create(challenge) * secret), 32);
      const signature = Buffer.concat([commitment, answer]);
      const byNode = node.verify(null, data, node.createPublicKey({ key: jwk, format: 'jwk' }), signature);
      expect(shim.verify(null, data, shim.createPublicKey({ key: jwk, format: 'jwk' }), signature)).toBe(byNode);
      return byNode;
    });
    // Some are valid under both rules, most under only one.
    expect(new Set(judged)).toEqual(new Set([true, false]));
  });

  it('with keys as JWK are judged in the same way', () => {
    for (const { make, hash, options = {} } of schemes.filter(({ name }) =>
      ['ES256', 'Ed25519', 'PS256'].includes(name),
    )) {
      const { privateKey, publicKey } = make();
      const signature = node.sign(hash, message, { key: privateKey, ...options });
      const jwk = JSON.parse(JSON.stringify(publicKey.export({ format: 'jwk' }))) as Record<string, unknown>;
      const key = shim.createPublicKey({ key: jwk, format: 'jwk' });
      expect(shim.verify(hash, message, { key, ...options }, signature)).toBe(true);
      expect(shim.verify(hash, Buffer.from('another'), { key, ...options }, signature)).toBe(false);
    }
  });

  it('refuse an invalid key: a point off the curve, another curve, too large a modulus, stray bytes', () => {
    const point = Buffer.alloc(32, 5).toString('base64url');
    for (const key of [
      { kty: 'EC', crv: 'P-256', x: point, y: point },
      { kty: 'OKP', crv: 'Ed25519', x: 'AA' },
      { kty: 'RSA', n: Buffer.alloc(2048, 0xff).toString('base64url'), e: 'AQAB' },
      { kty: 'oct', k: point },
      {},
    ])
      expect(() => shim.createPublicKey({ key, format: 'jwk' })).toThrow();
    for (const { publicKey } of [
      node.generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      node.generateKeyPairSync('x25519'),
    ])
      expect(() =>
        shim.createPublicKey({ key: publicKey.export({ format: 'der', type: 'spki' }), format: 'der', type: 'spki' }),
      ).toThrow();
    fc.assert(
      fc.property(octets, (key) => {
        expect(() => shim.createPublicKey({ key, format: 'der', type: 'spki' })).toThrow();
      }),
    );
  });

  it('are compared octet by octet', () => {
    fc.assert(
      fc.property(octets, octets, (a, b) => {
        expect(shim.timingSafeEqual(a, b)).toBe(Buffer.from(a).equals(b));
        expect(shim.timingSafeEqual(a, Uint8Array.from(a))).toBe(true);
      }),
    );
  });
});

/** A key for RSASSA-PSS only, with this digest and a minimum salt length. */
function limitedPair(hash: string, saltLength: number): node.KeyPairKeyObjectResult {
  const limits = { modulusLength: 2048, hashAlgorithm: hash, mgf1HashAlgorithm: hash, saltLength };
  // The types of Node 20 declare the length as text, which Node refuses.
  return Reflect.apply(node.generateKeyPairSync, node, ['rsa-pss', limits]) as node.KeyPairKeyObjectResult;
}

/** Such a key, and the same key without its limits, which signs without restrictions. */
function limitedKey(hash: string, saltLength: number) {
  const { publicKey, privateKey } = limitedPair(hash, saltLength);
  const whole = privateKey.export({ format: 'der', type: 'pkcs8' });
  // PKCS #8 ends with the PKCS #1 form, which names no scheme: 0x30 0x82, two octets of length, version 0, the modulus.
  const inner = whole.indexOf(Buffer.from([0x02, 0x01, 0x00, 0x02, 0x82]), 8) - 4;
  const free = node.createPrivateKey({ key: whole.subarray(inner), format: 'der', type: 'pkcs1' });
  return { publicKey, free };
}

const der = (key: node.KeyObject) =>
  ({ key: key.export({ format: 'der', type: 'spki' }), format: 'der', type: 'spki' }) as const;
const orFalse = (ask: () => boolean): boolean => {
  try {
    return ask();
  } catch {
    return false;
  }
};

describe('keys that two libraries could judge differently', () => {
  it.each([
    ['as the key says', 'sha256', 32, 'sha256', 32, true],
    ['with more salt than the key asks for', 'sha256', 32, 'sha256', 48, true],
    ['with less salt than the key asks for', 'sha256', 32, 'sha256', 20, false],
    ['with another digest than the key is for', 'sha256', 32, 'sha512', 64, false],
    ['with a weaker digest than the key is for', 'sha512', 64, 'sha256', 32, false],
  ] as const)('RSASSA-PSS signed %s has one verdict', (_, hash, least, signedHash, saltLength, expected) => {
    const { publicKey, free } = limitedKey(hash, least);
    const signature = node.sign(signedHash, message, { key: free, ...pss(saltLength) });
    const options = pss(saltLength);
    expect(orFalse(() => node.verify(signedHash, message, { key: publicKey, ...options }, signature))).toBe(expected);
    const key = shim.createPublicKey(der(publicKey));
    expect(shim.verify(signedHash, message, { key, ...options }, signature)).toBe(expected);
    const plain = node.sign(signedHash, message, free);
    expect(orFalse(() => node.verify(signedHash, message, publicKey, plain))).toBe(false);
    expect(shim.verify(signedHash, message, key, plain)).toBe(false);
  });

  describe('in certificates', () => {
    afterEach(() => vi.doUnmock('node:crypto'));

    /** The path of a leaf, validated with Node's cryptography and with the page's. */
    async function verdictsOn(leaf: Uint8Array, anchor: Uint8Array): Promise<readonly string[]> {
      const verdicts: string[] = [];
      for (const replacement of [undefined, shim]) {
        vi.resetModules();
        if (replacement !== undefined) vi.doMock('node:crypto', () => replacement);
        const { findPath, readX509Certificate } = await import('@countersign/x509');
        const trusted = { certificates: [readX509Certificate(anchor)], keys: [] };
        const verdict = findPath(readX509Certificate(leaf), [], trusted, Date.parse('2026-11-21T09:30:00Z'));
        verdicts.push(verdict.ok ? 'good' : verdict.reason);
      }
      return verdicts;
    }

    const pem = (key: node.KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
    const named = node.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const explicit = node.generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });

    it('a curve with explicit parameters is refused everywhere, although Node alone accepts it', async () => {
      const signature = node.sign('sha256', message, explicit.privateKey);
      const own = der(explicit.publicKey);
      expect(node.verify('sha256', message, node.createPublicKey(own), signature)).toBe(true);
      expect(() => shim.createPublicKey(own)).toThrow('curve');
      const authority = createTestAuthority({ name: 'Curves' });
      for (const [key, expected] of [
        [named, ['good', 'good']],
        [explicit, ['malformed', 'malformed']],
      ] as const) {
        const leaf = authority.issue({ subject: 'CN=desk', privateKeyPem: pem(key.privateKey) });
        expect(await verdictsOn(leaf.der, authority.der)).toEqual(expected);
      }
      const issuer = createSelfSigned({ subject: 'CN=desk', privateKeyPem: pem(explicit.privateKey) });
      expect(await verdictsOn(issuer.der, issuer.der)).toEqual(['malformed', 'malformed']);
    });

    it.each([
      ['RSA of 2,048 bits', 'good', node.generateKeyPairSync('rsa', { modulusLength: 2048 })],
      ['P-521', 'good', node.generateKeyPairSync('ec', { namedCurve: 'P-521' })],
      ['RSASSA-PSS for SHA-256', 'good', limitedPair('sha256', 20)],
      ['RSASSA-PSS for SHA-1', 'key_weak', limitedPair('sha1', 20)],
      ['RSA of 1,024 bits', 'key_weak', node.generateKeyPairSync('rsa', { modulusLength: 1024 })],
      ['P-192', 'key_weak', node.generateKeyPairSync('ec', { namedCurve: 'prime192v1' })],
      ['DSA', 'key_weak', node.generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 })],
    ] as const)('a key of %s is %s in both', async (_, expected, { privateKey }) => {
      const authority = createTestAuthority({ name: 'Keys' });
      const leaf = authority.issue({ subject: 'CN=desk', privateKeyPem: pem(privateKey) });
      expect(await verdictsOn(leaf.der, authority.der)).toEqual([expected, expected]);
    });
  });
});
