import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type PublicKey, type Signer, signerErrors } from '@countersign/contracts';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, string>>;
}

/** A fresh ES256 key under its RFC 7638 thumbprint. */
export function makeKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  if (kty === undefined || crv === undefined || x === undefined || y === undefined)
    throw new Error('an EC key without coordinates');
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return { kid, privateKey, jwk: { kty, crv, x, y } };
}

function signBytes(key: SigningKey, data: Uint8Array): Buffer {
  return sign('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
}

/** A compact JWS with any header and payload, right or wrong, correctly signed. */
export function signJws(key: SigningKey, header: object, payload: object): string {
  const signingInput = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signingInput}.${signBytes(key, Buffer.from(signingInput)).toString('base64url')}`;
}

export interface MemorySigner extends Signer {
  readonly keys: readonly SigningKey[];
  /** Makes the newest key the one that signs. */
  activate(): void;
  /** Takes every key but the one that signs out of the key set. */
  retire(): void;
}

/** Token keys in memory. `rotate` publishes a successor that becomes active with the next `activate`. */
export function memorySigner(): MemorySigner {
  const keys = [makeKey()];
  let active = 0;
  const describe = (key: SigningKey, index: number): PublicKey => ({
    kid: key.kid,
    algorithm: 'ES256',
    purpose: 'access-token',
    state: index === active ? 'active' : index < active ? 'retiring' : 'published',
    jwk: key.jwk,
  });
  const all = (): PublicKey[] => keys.map(describe);
  function one(index: number): PublicKey {
    const key = all()[index];
    if (key === undefined) throw signerErrors.error('signing_key_unavailable', 'There is no such key.');
    return key;
  }
  return {
    keys,
    activate() {
      active = keys.length - 1;
    },
    retire() {
      keys.splice(0, active);
      active = 0;
    },
    current: async () => one(active),
    async sign(_purpose, kid, data) {
      const index = keys.findIndex((candidate) => candidate.kid === kid);
      const key = keys[index];
      if (key === undefined || index > active)
        throw signerErrors.error('signing_key_unavailable', 'The key named may not sign.');
      return { kid, algorithm: 'ES256', signature: signBytes(key, data) };
    },
    publicKeys: async () => all(),
    async rotate() {
      keys.push(makeKey());
      return one(keys.length - 1);
    },
  };
}
