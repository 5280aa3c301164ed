import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { reimported } from '@countersign/kernel/key-pairs';
import type { IssuerAlgorithm } from '../key-cache.ts';

/** A key pair with its public JWK. */
export interface Pair {
  readonly algorithm: IssuerAlgorithm;
  readonly privateKey: KeyObject;
  readonly jwk: Record<string, string>;
}

export function makePair(algorithm: IssuerAlgorithm = 'ES256'): Pair {
  const { publicKey, privateKey } = reimported(
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : algorithm === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 }),
  );
  const jwk = Object.fromEntries(
    Object.entries(publicKey.export({ format: 'jwk' })).map(([name, value]) => [name, String(value)]),
  );
  return { algorithm, privateKey, jwk };
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

export function signWith(pair: Pair, data: Uint8Array): Buffer {
  if (pair.algorithm === 'ES256') return sign('sha256', data, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  if (pair.algorithm === 'EdDSA') return sign(null, data, pair.privateKey);
  if (pair.algorithm === 'RS256') return sign('sha256', data, pair.privateKey);
  return sign('sha256', data, { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
}

/**
 * Makes a correctly signed compact JWS with any header and payload, valid or not. Text is encoded unchanged, so that a test
 * can sign JSON that no serializer writes, such as duplicate keys.
 */
export function forge(pair: Pair, header: unknown, payload: unknown): string {
  const signingInput = `${encode(header)}.${encode(payload)}`;
  return `${signingInput}.${signWith(pair, Buffer.from(signingInput)).toString('base64url')}`;
}
