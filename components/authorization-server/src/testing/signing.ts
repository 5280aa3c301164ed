import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type KeyPurpose, type PublicKey, type Signer, signerErrors } from '@countersign/contracts';

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
  /** The keys that sign access tokens. */
  readonly keys: readonly SigningKey[];
  /** The keys that sign what is said to clients. */
  readonly idTokenKeys: readonly SigningKey[];
  /** Makes the newest key the one that signs access tokens. */
  activate(): void;
  /** Takes every key but the one that signs access tokens out of the key set. */
  retire(): void;
}

/** Keys in memory, a ring for each purpose. `rotate` publishes a successor that becomes active with the next `activate`. */
export function memorySigner(): MemorySigner {
  const rings = new Map<KeyPurpose, Ring>();
  function ring(purpose: KeyPurpose): Ring {
    const made = rings.get(purpose) ?? createRing(purpose);
    rings.set(purpose, made);
    return made;
  }
  const tokens = ring('access-token');
  return {
    keys: tokens.keys,
    idTokenKeys: ring('id-token').keys,
    activate: tokens.activate,
    retire: tokens.retire,
    current: async (purpose) => ring(purpose).current(),
    sign: async (purpose, kid, data) => ring(purpose).sign(kid, data),
    publicKeys: async (purpose) => ring(purpose).all(),
    rotate: async (purpose) => ring(purpose).rotate(),
    withdraw: async (purpose, kid) => ring(purpose).withdraw(kid),
  };
}

/** RSA keys take long to make, and no test changes one. */
const rsaKeys = new Map<KeyPurpose, SigningKey>();
function rsaKeyOf(purpose: KeyPurpose): SigningKey {
  const known = rsaKeys.get(purpose);
  if (known !== undefined) return known;
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { kty, n, e } = publicKey.export({ format: 'jwk' });
  if (kty === undefined || n === undefined || e === undefined) throw new Error('an RSA key without modulus');
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
  const key = { kid, privateKey, jwk: { kty, n, e } };
  rsaKeys.set(purpose, key);
  return key;
}

const algorithms: Readonly<Partial<Record<KeyPurpose, 'PS256' | 'RS256'>>> = {
  'id-token-ps256': 'PS256',
  'id-token-rs256': 'RS256',
};

type Ring = ReturnType<typeof createRing>;

function createRing(purpose: KeyPurpose) {
  const algorithm = algorithms[purpose] ?? 'ES256';
  const makeOne = () => (algorithm === 'ES256' ? makeKey() : rsaKeyOf(purpose));
  const signOne = ({ privateKey: key }: SigningKey, data: Uint8Array): Buffer => {
    if (algorithm === 'ES256') return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
    const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    return sign('sha256', data, { key, ...(algorithm === 'PS256' ? pss : { padding: constants.RSA_PKCS1_PADDING }) });
  };
  const keys = [makeOne()];
  let active = 0;
  const describe = (key: SigningKey, index: number): PublicKey => ({
    kid: key.kid,
    algorithm,
    purpose,
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
    all,
    activate() {
      active = keys.length - 1;
    },
    retire() {
      keys.splice(0, active);
      active = 0;
    },
    current: () => one(active),
    sign(kid: string, data: Uint8Array) {
      const index = keys.findIndex((candidate) => candidate.kid === kid);
      const key = keys[index];
      if (key === undefined || index > active)
        throw signerErrors.error('signing_key_unavailable', 'The key named may not sign.');
      return { kid, algorithm, signature: signOne(key, data) } as const;
    },
    rotate() {
      keys.push(makeOne());
      return one(keys.length - 1);
    },
    withdraw(kid: string) {
      const index = keys.findIndex((candidate) => candidate.kid === kid);
      if (index === -1) throw signerErrors.error('signing_key_unknown', 'There is no such key.');
      keys.splice(index, 1);
      keys.push(makeOne());
      active = keys.length - 1;
      return one(active);
    },
  };
}
