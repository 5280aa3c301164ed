import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  type KeyPurpose,
  type PublicKey,
  type SignatureAlgorithm,
  type Signer,
  signerErrors,
} from '@countersign/contracts';
import { reimported } from '@countersign/kernel/key-pairs';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, string>>;
}

/** A fresh ES256 key under its RFC 7638 thumbprint. */
export function makeKey(): SigningKey {
  const { publicKey, privateKey } = reimported(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  if (kty === undefined || crv === undefined || x === undefined || y === undefined)
    throw new Error('an EC key without coordinates');
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return { kid, privateKey, jwk: { kty, crv, x, y } };
}

function signBytes(key: SigningKey, data: Uint8Array): Buffer {
  return sign('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
}

/** A compact JWS with any header and payload, valid or not, correctly signed. */
export function signJws(key: SigningKey, header: object, payload: object): string {
  const signingInput = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signingInput}.${signBytes(key, Buffer.from(signingInput)).toString('base64url')}`;
}

/** Keys in memory, a ring for each purpose. */
export interface MemorySigner extends Signer {
  readonly keys: readonly SigningKey[];
  /** The keys that sign ID tokens. */
  readonly idTokenKeys: readonly SigningKey[];
  /** Ends the publication lead: the successor that {@link Signer.rotate} has published signs. */
  activate(purpose?: KeyPurpose): void;
  /** Ends the lifetime of everything that the predecessors of the active key signed: they leave the key set. */
  retire(purpose?: KeyPurpose): void;
}

/** A signer without storage and without time; `describeSigner` tests it against the contract. */
export function createMemorySigner(): MemorySigner {
  const rings = new Map<KeyPurpose, Ring>();
  function ring(purpose: KeyPurpose): Ring {
    const made = rings.get(purpose) ?? createRing(purpose);
    rings.set(purpose, made);
    return made;
  }
  return {
    keys: ring('access-token').keys,
    idTokenKeys: ring('id-token').keys,
    activate: (purpose = 'access-token') => ring(purpose).activate(),
    retire: (purpose = 'access-token') => ring(purpose).retire(),
    current: async (purpose) => ring(purpose).current(),
    sign: async (purpose, kid, data) => ring(purpose).sign(kid, data),
    publicKeys: async (purpose) => ring(purpose).all(),
    rotate: (purpose, record) => ring(purpose).rotate(record),
    withdraw: (purpose, kid, record) => ring(purpose).withdraw(kid, record),
  };
}

/** RSA keys take long to generate, and no test changes one. */
const rsaKeys = new Map<KeyPurpose, SigningKey>();
function rsaKeyOf(purpose: KeyPurpose): SigningKey {
  const known = rsaKeys.get(purpose);
  if (known !== undefined) return known;
  const { publicKey, privateKey } = reimported(generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const { kty, n, e } = publicKey.export({ format: 'jwk' });
  if (kty === undefined || n === undefined || e === undefined) throw new Error('an RSA key without modulus');
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
  const key = { kid, privateKey, jwk: { kty, n, e } };
  rsaKeys.set(purpose, key);
  return key;
}

function makeEdwardsKey(): SigningKey {
  const { publicKey, privateKey } = reimported(generateKeyPairSync('ed25519'));
  const { kty, crv, x } = publicKey.export({ format: 'jwk' });
  if (kty === undefined || crv === undefined || x === undefined) throw new Error('an Ed25519 key without its point');
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { kid, privateKey, jwk: { kty, crv, x } };
}

const algorithms: Readonly<Partial<Record<KeyPurpose, SignatureAlgorithm>>> = {
  'id-token-ps256': 'PS256',
  'id-token-rs256': 'RS256',
  'log-checkpoint': 'EdDSA',
};

function signAs(algorithm: SignatureAlgorithm, key: SigningKey, data: Uint8Array): Buffer {
  switch (algorithm) {
    case 'ES256':
      return signBytes(key, data);
    case 'EdDSA':
      return sign(null, data, key.privateKey);
    case 'PS256':
      return sign('sha256', data, { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case 'RS256':
      return sign('sha256', data, { key: key.privateKey, padding: constants.RSA_PKCS1_PADDING });
  }
}

type Ring = ReturnType<typeof createRing>;

function createRing(purpose: KeyPurpose) {
  const algorithm = algorithms[purpose] ?? 'ES256';
  const makeOne = (): SigningKey =>
    algorithm === 'ES256' ? makeKey() : algorithm === 'EdDSA' ? makeEdwardsKey() : rsaKeyOf(purpose);
  const keys = [makeOne()];
  const withdrawn = new Set<string>();
  let active = 0;
  const describe = ({ kid, jwk }: SigningKey, index: number): PublicKey => ({
    kid,
    algorithm,
    purpose,
    state: index === active ? 'active' : index < active ? 'retiring' : 'published',
    jwk,
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
      return { kid, algorithm, signature: signAs(algorithm, key, data) };
    },
    async rotate(record: Parameters<Signer['rotate']>[1]) {
      // A second rotation must not postpone the successor's activation: it returns the waiting one.
      if (active < keys.length - 1) return one(keys.length - 1);
      const successor = makeOne();
      await record?.(describe(successor, keys.length));
      keys.push(successor);
      return one(keys.length - 1);
    },
    async withdraw(kid: string, record: Parameters<Signer['withdraw']>[2]) {
      if (withdrawn.has(kid)) return one(active);
      const lost = all().find((candidate) => candidate.kid === kid);
      if (lost === undefined) throw signerErrors.error('signing_key_unknown', 'There is no such key.');
      const successor = makeOne();
      await record?.(lost, { ...describe(successor, keys.length), state: 'active' });
      withdrawn.add(kid);
      keys.splice(
        keys.findIndex((candidate) => candidate.kid === kid),
        1,
      );
      keys.push(successor);
      active = keys.length - 1;
      return one(active);
    },
  };
}
