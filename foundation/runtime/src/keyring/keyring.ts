import { createPrivateKey, generateKeyPairSync, type KeyObject, sign as signOnce } from 'node:crypto';
import { type Clock, CodedError, type Random, sha256Base64Url } from '@countersign/kernel';
import type pg from 'pg';
import type { Logger } from '../observability/logger.ts';
import { type SealingKey, seal, unseal } from './sealing.ts';
import { createKeyStore, type StoredKey } from './store.ts';

export type KeyringAlgorithm = 'ES256' | 'EdDSA';

export interface KeyPolicy {
  readonly algorithm: KeyringAlgorithm;
  /**
   * How long a new key is published before its first signature. Longer than verifiers cache the key set, and
   * than a node takes to notice a key made by another.
   */
  readonly publicationLeadSeconds: number;
  /** Longest life of anything signed: a replaced key stays published for so long after its successor's activation. */
  readonly longestSignedLifeSeconds: number;
}

export interface KeyringKey {
  readonly kid: string;
  readonly algorithm: KeyringAlgorithm;
  readonly purpose: string;
  readonly state: 'published' | 'active' | 'retiring';
  readonly jwk: Readonly<Record<string, string>>;
}

/** The shape of `Signer` in the contracts, for the purposes this keyring was made with. */
export interface Keyring<Purpose extends string> {
  current(purpose: Purpose): Promise<KeyringKey & { readonly purpose: Purpose }>;
  sign(
    purpose: Purpose,
    kid: string,
    data: Uint8Array,
  ): Promise<{ kid: string; algorithm: KeyringAlgorithm; signature: Uint8Array }>;
  publicKeys(purpose: Purpose): Promise<readonly (KeyringKey & { readonly purpose: Purpose })[]>;
  /** @param record called with the successor before it is stored: when it throws, nothing was published. */
  rotate(
    purpose: Purpose,
    record?: (successor: KeyringKey & { readonly purpose: Purpose }) => Promise<void>,
  ): Promise<KeyringKey & { readonly purpose: Purpose }>;
  stop(): Promise<void>;
}

export interface KeyringOptions<Purpose extends string> {
  /** A pool whose `search_path` is the schema that holds `signing_keys`. */
  readonly pool: pg.Pool;
  readonly sealingKey: SealingKey;
  readonly purposes: Readonly<Record<Purpose, KeyPolicy>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly refreshEveryMs?: number;
}

interface LoadedKey extends StoredKey {
  readonly privateKey: KeyObject;
}

/**
 * Signing keys in software, encrypted at rest, rotated while running.
 *
 * A key is published first and used later, so no verifier ever meets a signature by a key it cannot have. Two
 * nodes that rotate at once make one successor: the generation is the primary key.
 */
export async function createKeyring<Purpose extends string>(
  options: KeyringOptions<Purpose>,
): Promise<Keyring<Purpose>> {
  const store = createKeyStore(options.pool);
  let keys: readonly LoadedKey[] = [];

  async function refresh(): Promise<void> {
    const known = new Map(keys.map((key) => [key.kid, key]));
    const stored = await store.all();
    keys = stored.map((key) => known.get(key.kid) ?? { ...key, privateKey: open(key, options.sealingKey) });
  }

  async function generate(
    purpose: Purpose,
    generation: number,
    leadMs: number,
    record: (key: KeyringKey & { readonly purpose: Purpose }) => Promise<void> = async () => undefined,
  ): Promise<void> {
    const { algorithm } = options.purposes[purpose];
    const pair =
      algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicJwk = publicMembers(pair.publicKey);
    const kid = thumbprint(publicJwk);
    const now = options.clock.now();
    const plain = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
    const sealedKey = seal(plain, options.sealingKey, `${purpose}|${kid}`, options.random);
    plain.fill(0);
    await record({ kid, algorithm, purpose, state: 'published', jwk: publicJwk });
    await store.insert({
      purpose,
      generation,
      kid,
      algorithm,
      publicJwk,
      sealedKey,
      publishedAt: now,
      activatesAt: now + leadMs,
    });
    await refresh();
  }

  function ofPurpose(purpose: Purpose): readonly LoadedKey[] {
    return keys.filter((key) => key.purpose === purpose);
  }

  function activeOf(purpose: Purpose, now: number): LoadedKey {
    const active = ofPurpose(purpose).findLast((key) => key.activatesAt <= now);
    if (active === undefined)
      throw new CodedError({
        code: 'signing_key_unavailable',
        category: 'unavailable',
        detail: `No key for ${purpose} is active.`,
      });
    return active;
  }

  function stateOf(key: LoadedKey, purpose: Purpose, now: number): KeyringKey['state'] | 'retired' {
    if (key.activatesAt > now) return 'published';
    const successor = ofPurpose(purpose).find((other) => other.generation > key.generation && other.activatesAt <= now);
    if (successor === undefined) return 'active';
    return now < successor.activatesAt + options.purposes[purpose].longestSignedLifeSeconds * 1000
      ? 'retiring'
      : 'retired';
  }

  function describe(
    key: LoadedKey,
    purpose: Purpose,
    state: KeyringKey['state'],
  ): KeyringKey & { readonly purpose: Purpose } {
    return {
      kid: key.kid,
      algorithm: key.algorithm === 'EdDSA' ? 'EdDSA' : 'ES256',
      purpose,
      state,
      jwk: key.publicJwk,
    };
  }

  await refresh();
  for (const purpose of Object.keys(options.purposes) as Purpose[]) {
    // The very first key has nobody who could have cached a key set without it.
    if (ofPurpose(purpose).length === 0) await generate(purpose, 1, 0);
  }
  const timer = setInterval(() => {
    refresh().catch((error: unknown) => options.logger.warn({ error }, 'signing keys could not be refreshed'));
  }, options.refreshEveryMs ?? 20_000);
  timer.unref();

  return {
    async current(purpose) {
      return describe(activeOf(purpose, options.clock.now()), purpose, 'active');
    },
    async sign(purpose, kid, data) {
      const key = ofPurpose(purpose).find((candidate) => candidate.kid === kid);
      const state = key === undefined ? 'retired' : stateOf(key, purpose, options.clock.now());
      // `retiring` may still finish what was begun a moment before the hand-over; `published` may never sign.
      if (key === undefined || (state !== 'active' && state !== 'retiring'))
        throw new CodedError({
          code: 'signing_key_unavailable',
          category: 'unavailable',
          detail: `The key named may not sign for ${purpose}.`,
        });
      const signature =
        key.algorithm === 'EdDSA'
          ? signOnce(null, data, key.privateKey)
          : signOnce('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
      return { kid, algorithm: key.algorithm === 'EdDSA' ? 'EdDSA' : 'ES256', signature };
    },
    async publicKeys(purpose) {
      const now = options.clock.now();
      return ofPurpose(purpose).flatMap((key) => {
        const state = stateOf(key, purpose, now);
        return state === 'retired' ? [] : [describe(key, purpose, state)];
      });
    },
    async rotate(purpose, record) {
      await refresh();
      const present = ofPurpose(purpose);
      const waiting = present.find((key) => key.activatesAt > options.clock.now());
      // Rotating twice in a row must not push the successor's activation out: the one that waits is the answer.
      if (waiting !== undefined) return describe(waiting, purpose, 'published');
      const generation = (present.at(-1)?.generation ?? 0) + 1;
      await generate(purpose, generation, options.purposes[purpose].publicationLeadSeconds * 1000, record);
      const successor = ofPurpose(purpose).find((key) => key.generation === generation);
      if (successor === undefined) throw new Error('a key that was inserted is not there');
      return describe(successor, purpose, 'published');
    },
    async stop() {
      clearInterval(timer);
    },
  };
}

function open(key: StoredKey, sealingKey: SealingKey): KeyObject {
  const der = unseal(key.sealedKey, sealingKey, `${key.purpose}|${key.kid}`);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return privateKey;
}

function publicMembers(key: KeyObject): Readonly<Record<string, string>> {
  const { kty, crv, x, y } = key.export({ format: 'jwk' });
  if (kty === undefined || crv === undefined || x === undefined)
    throw new Error('a generated key without its public members');
  return y === undefined ? { kty, crv, x } : { kty, crv, x, y };
}

/** RFC 7638 section 3: SHA-256 over the required members in lexicographic order. */
function thumbprint(jwk: Readonly<Record<string, string>>): string {
  const members = Object.fromEntries(
    ['crv', 'kty', 'x', 'y'].flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])),
  );
  return sha256Base64Url(JSON.stringify(members));
}
