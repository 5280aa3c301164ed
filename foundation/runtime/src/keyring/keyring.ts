import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, errorVocabulary, isCodedError, namesOf, type Random } from '@countersign/kernel';
import type pg from 'pg';
import { type HardwareKeys, hardwareKeyErrors } from '../hardware-keys/index.ts';
import { createRounds } from '../lifecycle/index.ts';
import type { Logger } from '../observability/index.ts';
import { createKeyCustody, type KeyDriver, type KeyPlace, type NewKey, type OpenedKey } from './key-custody.ts';
import { type KeyringAlgorithm, keyringAlgorithms } from './key-material.ts';
import { type KeyringState, statesOf, unchangedUntil } from './key-states.ts';
import type { KeyOf, KeyPolicy, KeyRecorder, KeyRow, Keyring, KeyringKey, KeyStanding } from './keyring-contract.ts';
import { createRotationSchedule } from './rotation-schedule.ts';
import type { SealingKey } from './sealing.ts';
import { createKeyStore, type StoredKey } from './store.ts';

export interface KeyringOptions<Purpose extends string> {
  /** A pool whose `search_path` is the schema that holds `signing_keys`. */
  readonly pool: pg.Pool;
  readonly sealingKey: SealingKey;
  readonly purposes: Readonly<Record<Purpose, KeyPolicy>>;
  /** Where keys are made. Default: in software. */
  readonly custody?: KeyringCustody;
  /** When left out, only the callers of rotate and withdraw record keys. */
  readonly recorder?: KeyRecorder<Purpose>;
  /**
   * The state of keys by their newest records, by kid. Anybody with the database role can write rows, so an unproven key is
   * neither published nor used, and a withdrawn key stays withdrawn even without the row that replaces it. Called whenever rows
   * are read, never at a signature. When left out, rows are trusted.
   */
  readonly prove?: (keys: readonly KeyRow[]) => Promise<ReadonlyMap<string, KeyStanding>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look for other nodes' keys and due rotations; every 2 s when left out. */
  readonly refreshEveryMs?: number;
}

export interface KeyringCustody {
  /** Present if a token is configured. */
  readonly hardware: HardwareKeys | undefined;
  /** Where new keys of a purpose are made. */
  driverOf(purpose: string): KeyDriver;
  /** Purposes whose key is withdrawn at the start if the token no longer has it. */
  readonly replaceLost: readonly string[];
  /** Purposes without a schedule whose next key, when rotated by hand, is made at the configured place. */
  readonly moveAtRotation?: readonly string[];
}

const inSoftware: KeyringCustody = { hardware: undefined, driverOf: () => 'software', replaceLost: [] };

export const keyringErrors = errorVocabulary({
  signing_key_unavailable: 'unavailable',
  signing_key_unknown: 'not-found',
  /** The key has reached the age at which it may no longer sign: its rotation fails. */
  signing_key_over_age: 'unavailable',
  /** The only key of a purpose is not where the configuration wants it, and the purpose has no rotation. */
  key_custody_differs: 'conflict',
});

/** A row that its newest record confirms. */
interface ProvenKey extends StoredKey {
  readonly ended: boolean;
}

interface LoadedKey extends ProvenKey, Pick<OpenedKey, 'place' | 'sign'> {
  readonly algorithm: KeyringAlgorithm;
}

/** A computed key set with its period of validity. */
interface KeySet<Purpose extends string> {
  /** The keys from which it was computed; a change of them invalidates it. */
  readonly of: readonly LoadedKey[];
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  readonly keySet: readonly KeyOf<Purpose>[];
}

/**
 * Signing keys, encrypted at rest or in a token, and rotated during operation.
 * A key is published before it is used, so no verifier sees a signature by an unknown key; only the replacement of a compromised
 * key is used at once. Nodes take turns, so that two concurrent rotations create and record only one successor.
 */
export async function createKeyring<Purpose extends string>(
  options: KeyringOptions<Purpose>,
): Promise<Keyring<Purpose>> {
  const { clock, logger, recorder, refreshEveryMs = 2_000, custody: places = inSoftware } = options;
  const custody = createKeyCustody({ ...options, hardware: places.hardware });
  const purposes = namesOf(options.purposes);
  const store = createKeyStore(options.pool);
  let keys: readonly LoadedKey[] = [];
  /** Keys that signed and are no longer in the token, with their purpose. */
  const lost = new Map<string, Purpose>();

  async function provenOf(stored: readonly StoredKey[]): Promise<readonly ProvenKey[]> {
    if (options.prove === undefined) return stored.map((key) => ({ ...key, ended: false }));
    const standings = await options.prove(stored.map(rowOf));
    return stored.flatMap((key) => {
      const standing = standings.get(key.kid) ?? 'unproven';
      return standing === 'unproven' ? [] : [{ ...key, ended: standing === 'withdrawn' }];
    });
  }

  /**
   * Rows are never changed or removed, so known keys stay valid and an outdated answer does no harm. A key that signs, or will
   * sign, must be in its token.
   */
  async function adopt(stored: readonly StoredKey[]): Promise<void> {
    const held = new Set(keys.map(({ kid }) => kid));
    const proven = await provenOf([...keys, ...stored.filter(({ kid }) => !held.has(kid))]);
    const loaded = new Map(proven.flatMap((key) => (held.has(key.kid) ? [] : [[key.kid, load(key)] as const])));
    for (const purpose of purposes) {
      const states = statesNow(ofPurpose(proven, purpose), purpose);
      for (const { kid, place, algorithm } of loaded.values()) {
        const state = states.get(kid);
        if (state !== 'active' && state !== 'published') continue;
        try {
          await custody.check(kid, place, algorithm);
        } catch (error) {
          if (!hardwareKeyErrors.is(error, 'hardware_key_missing') || !places.replaceLost.includes(purpose))
            throw error;
          lost.set(kid, purpose);
        }
      }
    }
    const known = new Map(keys.map((key) => [key.kid, key]));
    let changed = false;
    for (const key of proven) {
      const before = known.get(key.kid) ?? loaded.get(key.kid);
      if (before === undefined || (known.has(key.kid) && before.ended === key.ended)) continue;
      known.set(key.kid, { ...before, ended: key.ended });
      changed = true;
    }
    if (changed) keys = [...known.values()].sort((one, other) => one.generation - other.generation);
  }

  function load(key: ProvenKey): LoadedKey {
    const algorithm = algorithmOf(key);
    return { ...key, algorithm, ...custody.open(key, algorithm) };
  }

  const ofPurpose = <Key extends StoredKey>(all: readonly Key[], purpose: Purpose): readonly Key[] =>
    all.filter((key) => key.purpose === purpose);
  const statesNow = (present: readonly ProvenKey[], purpose: Purpose): ReadonlyMap<string, KeyringState> =>
    statesOf(present, clock.now(), options.purposes[purpose].longestSignedLifeSeconds);

  /** Read at every verification of a token. */
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
   * Adds a key, recorded first, unless `decide` finds that none is needed any more. The key is generated before the lock is
   * taken, so that other nodes do not wait for it.
   */
  async function add(
    purpose: Purpose,
    decide: (
      present: readonly ProvenKey[],
    ) =>
      | { readonly activatesAt: number; readonly withdraws: string | null; record(key: KeyOf<Purpose>): Promise<void> }
      | undefined,
  ): Promise<void> {
    const { algorithm } = options.purposes[purpose];
    const made = await custody.make(purpose, algorithm, places.driverOf(purpose));
    const { kid, publicJwk, sealedKey, place } = made;
    let stored: readonly StoredKey[] = [];
    try {
      stored = await store.add(purpose, async (all) => {
        const decision = decide(ofPurpose(await provenOf(all), purpose));
        if (decision === undefined) return undefined;
        const { activatesAt, withdraws, record } = decision;
        const generation = (ofPurpose(all, purpose).at(-1)?.generation ?? 0) + 1;
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
        await record(describe({ ...key, place }, purpose, immediately ? 'active' : 'published'));
        return key;
      });
    } finally {
      if (!stored.some((key) => key.kid === kid)) await discardUnstored(made);
    }
    await adopt(stored);
  }

  /** After a connection that broke during the commit, the key may be stored. */
  async function discardUnstored(made: NewKey): Promise<void> {
    if (made.place.driver === 'software') return;
    const stored = await store.all().catch(() => undefined);
    if (stored !== undefined && !stored.some(({ kid }) => kid === made.kid)) await custody.discard(made);
  }

  async function rotate(purpose: Purpose, record = recorder?.published): Promise<KeyOf<Purpose>> {
    // A repeated rotation must not delay the successor's activation, so it returns the successor that is already published.
    const waiting = (present: readonly ProvenKey[]): string | undefined => {
      const states = statesNow(present, purpose);
      return present.find(({ kid }) => states.get(kid) === 'published')?.kid;
    };
    await adopt(await store.all());
    if (waiting(ofPurpose(keys, purpose)) === undefined)
      await add(purpose, (present) =>
        waiting(present) !== undefined
          ? undefined
          : {
              activatesAt:
                clock.now() + (present.length === 0 ? 0 : options.purposes[purpose].publicationLeadSeconds * 1000),
              withdraws: null,
              record: async (key) => record?.(key),
            },
      );
    // Without an earlier key, the new one is the first and signs at once.
    const isOnly = ofPurpose(keys, purpose).length === 1;
    return find(purpose, ({ state }) => state === 'published' || isOnly);
  }

  async function withdraw(purpose: Purpose, kid: string, record = recorder?.withdrawn): Promise<KeyOf<Purpose>> {
    await adopt(await store.all());
    const known = statesNow(ofPurpose(keys, purpose), purpose).get(kid);
    if (known === undefined || known === 'retired')
      throw keyringErrors.error(
        'signing_key_unknown',
        `No key for ${purpose} has this kid, or it has left the key set.`,
      );
    // Without a successor, the withdrawal was recorded and then interrupted.
    const isReplaced = (present: readonly ProvenKey[]): boolean => {
      const states = statesNow(present, purpose);
      return states.get(kid) === 'withdrawn' && [...states.values()].includes('active');
    };
    if (!isReplaced(ofPurpose(keys, purpose)))
      await add(purpose, (present) => {
        const lost = present.find((key) => key.kid === kid);
        const state = statesNow(present, purpose).get(kid);
        if (lost === undefined || state === undefined || state === 'retired' || isReplaced(present)) return undefined;
        return {
          activatesAt: clock.now(),
          withdraws: kid,
          record: async (key) => record?.(describe(load(lost), purpose, isMet(state) ? state : 'active'), key),
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
  await adopt(await store.all());
  /** No verifier can have cached a key set without the very first key. */
  const addFirst = (purpose: Purpose) =>
    add(purpose, (present) =>
      present.length > 0
        ? undefined
        : { activatesAt: clock.now(), withdraws: null, record: async (key) => recorder?.published(key) },
    );
  for (const purpose of purposes)
    if (options.purposes[purpose].onDemand !== true && ofPurpose(keys, purpose).length === 0) await addFirst(purpose);

  for (const [kid, purpose] of lost) {
    logger.error({ purpose, kid }, 'a signing key is no longer in the token and is withdrawn');
    await withdraw(purpose, kid);
  }
  for (const purpose of purposes) await moveTo(purpose, places.driverOf(purpose));

  /** Publishes a successor where the configuration wants it, if the newest key is somewhere else. */
  async function moveTo(purpose: Purpose, driver: KeyDriver): Promise<void> {
    const newest = ofPurpose(keys, purpose).at(-1);
    if (newest === undefined || newest.place.driver === driver) return;
    if (places.moveAtRotation?.includes(purpose) === true) {
      logger.warn({ purpose, driver }, 'a signing key is not at its configured place until it is rotated');
      return;
    }
    if (options.purposes[purpose].rotateEverySeconds === undefined)
      throw keyringErrors.error(
        'key_custody_differs',
        `The key for ${purpose} is kept in ${newest.place.driver} and is replaced by hand only. Configure keys.drivers.${purpose} as ${newest.place.driver}, or name the purpose in keys.moveAtRotation and rotate it.`,
      );
    const { kid } = await rotate(purpose);
    logger.info({ purpose, kid, driver }, 'successor of a signing key published at its configured place');
  }

  const demanded = new Map<Purpose, Promise<void>>();
  async function addDemanded(purpose: Purpose): Promise<void> {
    await adopt(await store.all());
    if (ofPurpose(keys, purpose).length === 0) await addFirst(purpose);
  }
  /** Creates a key on demand; it is used only after every node has had time to publish it. */
  async function demand(purpose: Purpose): Promise<void> {
    if (ofPurpose(keys, purpose).length === 0) {
      const adding = demanded.get(purpose) ?? addDemanded(purpose).finally(() => demanded.delete(purpose));
      demanded.set(purpose, adding);
      await adding;
    }
    const [first, ...successors] = ofPurpose(keys, purpose);
    if (first === undefined || successors.length > 0) return;
    const lead = 2 * refreshEveryMs;
    const waits = Math.min(first.publishedAt + lead - clock.now(), lead);
    if (waits > 0) await sleep(waits);
  }
  const rounds = createRounds({
    what: 'refreshing and rotating signing keys',
    async work() {
      await adopt(await store.all());
      await keepSchedule();
    },
    logger,
    everyMs: refreshEveryMs,
  });

  /** Too old to sign, unless its successor is published. @throws CodedError `signing_key_over_age` */
  async function requireRotation(purpose: Purpose, key: LoadedKey, state: KeyringKey['state']): Promise<void> {
    const { signAtMostSeconds = Infinity } = options.purposes[purpose];
    if (clock.now() - key.activatesAt <= signAtMostSeconds * 1000) return;
    const hasSuccessor = (): boolean => ofPurpose(keys, purpose).at(-1)?.kid !== key.kid;
    // After a long standstill the schedule has not run yet.
    if (!hasSuccessor()) await rounds.run().catch(() => undefined);
    if (hasSuccessor()) return;
    await recorder?.overAge?.(describe(key, purpose, state));
    throw keyringErrors.error(
      'signing_key_over_age',
      `The key for ${purpose} is too old, because it could not be rotated. Look at the log of this node for the cause.`,
    );
  }

  return {
    async current(purpose) {
      if (options.purposes[purpose].onDemand === true) await demand(purpose);
      return find(purpose, ({ state }) => state === 'active');
    },
    async sign(purpose, kid, data, context) {
      const present = ofPurpose(keys, purpose);
      const state = statesNow(present, purpose).get(kid);
      const key = present.find((candidate) => candidate.kid === kid);
      // A `retiring` key may still complete a signature that started just before the rotation; a `published` key may never sign.
      if (key === undefined || (state !== 'active' && state !== 'retiring'))
        throw keyringErrors.error('signing_key_unavailable', `The key named may not sign for ${purpose}.`);
      await requireRotation(purpose, key, state);
      try {
        return { kid, algorithm: key.algorithm, signature: await key.sign(data, context) };
      } catch (error) {
        if (!isCodedError(error)) throw error;
        logger.error({ error, purpose, kid }, 'a signature failed');
        throw keyringErrors.error('signing_key_unavailable', `The key for ${purpose} cannot sign now. Try again.`, {
          cause: error,
        });
      }
    },
    async publicKeys(purpose) {
      return inKeySet(purpose);
    },
    rotate,
    withdraw,
    async stop() {
      await rounds.stop();
    },
  };
}

function isMet(state: KeyringState | undefined): state is KeyringKey['state'] {
  return state === 'published' || state === 'active' || state === 'retiring';
}

function describe<Purpose extends string>(
  key: StoredKey & { readonly place: KeyPlace },
  purpose: Purpose,
  state: KeyringKey['state'],
): KeyOf<Purpose> {
  return { ...rowOf(key), algorithm: algorithmOf(key), purpose, state, jwk: key.publicJwk, place: key.place };
}

function rowOf({ kid, purpose, generation, algorithm, publishedAt, activatesAt, withdraws }: StoredKey): KeyRow {
  return {
    ...{ kid, purpose, generation, algorithm, publishedAt },
    activeFrom: activatesAt,
    ...(withdraws === null ? {} : { withdraws }),
  };
}

function algorithmOf({ kid, algorithm }: StoredKey): KeyringAlgorithm {
  const known = keyringAlgorithms.find((candidate) => candidate === algorithm);
  if (known === undefined) throw new Error(`the key ${kid} is for an algorithm that this release does not have`);
  return known;
}
