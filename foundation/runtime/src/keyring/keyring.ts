import type { KeyObject } from 'node:crypto';
import { type Clock, errorVocabulary, type Random } from '@countersign/kernel';
import type pg from 'pg';
import type { Logger } from '../observability/logger.ts';
import { type KeyringAlgorithm, keyringAlgorithms, makeKey, openKey, signWith } from './key-material.ts';
import { type KeyringState, statesOf, unchangedUntil } from './key-states.ts';
import type { KeyOf, KeyPolicy, KeyRecorder, Keyring, KeyringKey } from './keyring-contract.ts';
import { createRotationSchedule } from './rotation-schedule.ts';
import { type SealingKey, seal, unseal } from './sealing.ts';
import { createKeyStore, type StoredKey } from './store.ts';

export interface KeyringOptions<Purpose extends string> {
  /** A pool whose `search_path` is the schema that holds `signing_keys`. */
  readonly pool: pg.Pool;
  readonly sealingKey: SealingKey;
  readonly purposes: Readonly<Record<Purpose, KeyPolicy>>;
  /** Left out, keys are recorded only by those who rotate and withdraw them. */
  readonly recorder?: KeyRecorder<Purpose>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often keys made by other nodes are looked for, and the schedule is kept; every 2 s when left out. */
  readonly refreshEveryMs?: number;
}

export const keyringErrors = errorVocabulary({
  signing_key_unavailable: 'unavailable',
  signing_key_unknown: 'not-found',
});

interface LoadedKey extends StoredKey {
  readonly algorithm: KeyringAlgorithm;
  readonly privateKey: KeyObject;
}

/** A key set as it was found, and for how long it stays so. */
interface KeySet<Purpose extends string> {
  /** The keys that it was found among: others make another one. */
  readonly of: readonly LoadedKey[];
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  readonly keySet: readonly KeyOf<Purpose>[];
}

/**
 * Signing keys in software, encrypted at rest, rotated while running.
 *
 * A key is published first and used later, so no verifier ever meets a signature by a key it cannot have; only one
 * that replaces a lost key is used at once. Nodes take turns, so that two which rotate together make, and record, one
 * successor.
 */
export async function createKeyring<Purpose extends string>(
  options: KeyringOptions<Purpose>,
): Promise<Keyring<Purpose>> {
  const { clock, logger, recorder } = options;
  const purposes = Object.keys(options.purposes) as Purpose[];
  const store = createKeyStore(options.pool);
  let keys: readonly LoadedKey[] = [];

  /** Rows are never changed or removed, so what is known stays, and an answer that was overtaken does no harm. */
  function adopt(stored: readonly StoredKey[]): void {
    const known = new Set(keys.map(({ kid }) => kid));
    const fresh = stored.filter(({ kid }) => !known.has(kid)).map((key) => load(key, options.sealingKey));
    if (fresh.length > 0) keys = [...keys, ...fresh].sort((one, other) => one.generation - other.generation);
  }

  const ofPurpose = <Key extends StoredKey>(all: readonly Key[], purpose: Purpose): readonly Key[] =>
    all.filter((key) => key.purpose === purpose);
  const statesNow = (present: readonly StoredKey[], purpose: Purpose): ReadonlyMap<string, KeyringState> =>
    statesOf(present, clock.now(), options.purposes[purpose].longestSignedLifeSeconds);

  /** Asked with every token that is verified. */
  const keySets = new Map<Purpose, KeySet<Purpose>>();

  function inKeySet(purpose: Purpose): readonly KeyOf<Purpose>[] {
    const now = clock.now();
    const known = keySets.get(purpose);
    if (known !== undefined && known.of === keys && known.from <= now && now < known.until) return known.keySet;
    const present = ofPurpose(keys, purpose);
    const { longestSignedLifeSeconds } = options.purposes[purpose];
    const states = statesOf(present, now, longestSignedLifeSeconds);
    const keySet = present.flatMap((key) => {
      const state = states.get(key.kid);
      return isMet(state) ? [describe(key, purpose, state)] : [];
    });
    keySets.set(purpose, {
      of: keys,
      from: now,
      until: unchangedUntil(present, now, longestSignedLifeSeconds),
      keySet,
    });
    return keySet;
  }

  function find(purpose: Purpose, is: (key: KeyOf<Purpose>) => boolean): KeyOf<Purpose> {
    const found = inKeySet(purpose).find(is);
    if (found === undefined) throw keyringErrors.error('signing_key_unavailable', `No such key for ${purpose}.`);
    return found;
  }

  /**
   * Adds a key, recorded first, unless `decide` says that there is nothing to add any more. The key is made before
   * the turn is taken: others should not wait for its arithmetic.
   */
  async function add(
    purpose: Purpose,
    decide: (
      present: readonly StoredKey[],
    ) =>
      | { readonly activatesAt: number; readonly withdraws: string | null; record(key: KeyOf<Purpose>): Promise<void> }
      | undefined,
  ): Promise<void> {
    const { algorithm } = options.purposes[purpose];
    const { kid, publicJwk, privateDer } = await makeKey(algorithm);
    const sealedKey = seal(privateDer, options.sealingKey, `${purpose}|${kid}`, options.random);
    privateDer.fill(0);
    const stored = await store.add(purpose, async (all) => {
      const present = ofPurpose(all, purpose);
      const decision = decide(present);
      if (decision === undefined) return undefined;
      const { activatesAt, withdraws, record } = decision;
      const generation = (present.at(-1)?.generation ?? 0) + 1;
      const key = {
        purpose,
        generation,
        kid,
        algorithm,
        publicJwk,
        sealedKey,
        publishedAt: clock.now(),
        activatesAt,
        withdraws,
      };
      const immediately = withdraws !== null || generation === 1;
      await record(describe(key, purpose, immediately ? 'active' : 'published'));
      return key;
    });
    adopt(stored);
  }

  async function rotate(purpose: Purpose, record = recorder?.published): Promise<KeyOf<Purpose>> {
    // Rotating twice in a row must not push the successor's activation out: the one that waits is the answer.
    const waiting = (present: readonly StoredKey[]): string | undefined => {
      const states = statesNow(present, purpose);
      return present.find(({ kid }) => states.get(kid) === 'published')?.kid;
    };
    adopt(await store.all());
    if (waiting(ofPurpose(keys, purpose)) === undefined)
      await add(purpose, (present) =>
        waiting(present) !== undefined
          ? undefined
          : {
              activatesAt: clock.now() + options.purposes[purpose].publicationLeadSeconds * 1000,
              withdraws: null,
              record: async (key) => record?.(key),
            },
      );
    return find(purpose, ({ state }) => state === 'published');
  }

  async function withdraw(purpose: Purpose, kid: string, record = recorder?.withdrawn): Promise<KeyOf<Purpose>> {
    adopt(await store.all());
    const known = statesNow(ofPurpose(keys, purpose), purpose).get(kid);
    if (known === undefined || known === 'retired')
      throw keyringErrors.error(
        'signing_key_unknown',
        `No key for ${purpose} has this kid, or it has left the key set.`,
      );
    if (known !== 'withdrawn')
      await add(purpose, (present) => {
        const lost = present.find((key) => key.kid === kid);
        const state = statesNow(present, purpose).get(kid);
        if (lost === undefined || !isMet(state)) return undefined;
        return {
          activatesAt: clock.now(),
          withdraws: kid,
          record: async (key) => record?.(describe(lost, purpose, state), key),
        };
      });
    return find(purpose, ({ state }) => state === 'active');
  }

  const keepSchedule = createRotationSchedule({
    policies: options.purposes,
    clock,
    logger,
    newest: (purpose) => ofPurpose(keys, purpose).at(-1),
    rotate,
  });
  adopt(await store.all());
  for (const purpose of purposes) {
    // The very first key has nobody who could have cached a key set without it.
    if (ofPurpose(keys, purpose).length === 0)
      await add(purpose, (present) =>
        present.length > 0
          ? undefined
          : { activatesAt: clock.now(), withdraws: null, record: async (key) => recorder?.published(key) },
      );
  }
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      adopt(await store.all());
      await keepSchedule();
    } catch (error) {
      logger.warn({ error }, 'signing keys could not be refreshed or rotated');
    }
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, options.refreshEveryMs ?? 2_000);
  timer.unref();

  return {
    async current(purpose) {
      return find(purpose, ({ state }) => state === 'active');
    },
    async sign(purpose, kid, data) {
      const present = ofPurpose(keys, purpose);
      const state = statesNow(present, purpose).get(kid);
      const key = present.find((candidate) => candidate.kid === kid);
      // `retiring` may still finish what was begun a moment before the hand-over; `published` may never sign.
      if (key === undefined || (state !== 'active' && state !== 'retiring'))
        throw keyringErrors.error('signing_key_unavailable', `The key named may not sign for ${purpose}.`);
      return { kid, algorithm: key.algorithm, signature: await signWith(key.privateKey, key.algorithm, data) };
    },
    async publicKeys(purpose) {
      return inKeySet(purpose);
    },
    rotate,
    withdraw,
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

function isMet(state: KeyringState | undefined): state is KeyringKey['state'] {
  return state === 'published' || state === 'active' || state === 'retiring';
}

function describe<Purpose extends string>(
  key: StoredKey,
  purpose: Purpose,
  state: KeyringKey['state'],
): KeyOf<Purpose> {
  return {
    kid: key.kid,
    algorithm: algorithmOf(key),
    purpose,
    state,
    jwk: key.publicJwk,
    publishedAt: key.publishedAt,
    activeFrom: key.activatesAt,
  };
}

function load(key: StoredKey, sealingKey: SealingKey): LoadedKey {
  const privateKey = openKey(unseal(key.sealedKey, sealingKey, `${key.purpose}|${key.kid}`));
  return { ...key, algorithm: algorithmOf(key), privateKey };
}

function algorithmOf({ kid, algorithm }: StoredKey): KeyringAlgorithm {
  const known = keyringAlgorithms.find((candidate) => candidate === algorithm);
  if (known === undefined) throw new Error(`the key ${kid} is for an algorithm that this release does not have`);
  return known;
}
