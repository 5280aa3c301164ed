import { type Clock, createGenerations, isCodedError, type Random } from '@countersign/kernel';
import { type SealingKey, seal, unseal } from '@countersign/runtime';
import type { KeyUse, ProtectedValueStore, StoredKey } from '../store/protected-values.ts';
import type { LentKeys } from './protection.ts';

export interface SubjectKey {
  readonly id: string;
  readonly subject: string;
  /** 32 bytes; undefined if destroyed, or if this node lacks the key of the region. */
  readonly bytes: Buffer | undefined;
}

/** Keys of subjects, cached from the table that stores them sealed. */
export interface SubjectKeys {
  known(use: KeyUse): SubjectKey | undefined;
  /** The key in use, created if there is none. Concurrent nodes get the same key. */
  inUse(use: KeyUse): Promise<SubjectKey>;
  byIds(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, SubjectKey>>;
  /** Keys that can be opened, and for how long they may be used. */
  lend(ids: ReadonlySet<string>): Promise<LentKeys>;
  /** Reads the stored keys, not the cache. */
  firstBroken(ids: readonly string[]): Promise<string | undefined>;
}

interface Waiting {
  readonly use: KeyUse;
  readonly resolve: (key: SubjectKey) => void;
  readonly reject: (error: unknown) => void;
}

const keptKeys = 50_000;
/** Bounds how long a destroyed key stays in memory. */
const keptMs = 300_000;
const askedAtOnce = 1_000;
/** A key that another node is creating appears at the second attempt. */
const maxLooks = 3;

export function createSubjectKeys(dependencies: {
  readonly store: ProtectedValueStore;
  readonly sealing: (region: string) => SealingKey | undefined;
  readonly clock: Clock;
  readonly random: Random;
}): SubjectKeys {
  const { store, sealing, clock, random } = dependencies;
  const used = createGenerations<string, SubjectKey>(keptKeys);
  const read = createGenerations<string, SubjectKey>(keptKeys);
  let keptSince = clock.now();
  let waiting: Waiting[] = [];
  let asking = false;

  function opened(key: StoredKey): SubjectKey {
    const sealingKey = key.sealed === null ? undefined : sealing(key.region);
    const bytes =
      key.sealed === null || sealingKey === undefined
        ? undefined
        : unseal(key.sealed, sealingKey, boundTo(key.id, key));
    return { id: key.id, subject: key.subject, bytes };
  }

  async function makeOrFind(uses: ReadonlyMap<string, KeyUse>): Promise<ReadonlyMap<string, SubjectKey>> {
    const found = new Map<string, SubjectKey>();
    for (let look = 1; ; look++) {
      const missing = [...uses].filter(([name]) => !found.has(name)).map(([, use]) => use);
      for (const key of await store.keysInUse(missing)) found.set(nameOf(key), opened(key));
      const lacking = missing.filter((use) => !found.has(nameOf(use)));
      if (lacking.length === 0) return found;
      if (look === maxLooks) throw new Error('the key of a subject was stored but cannot be found');
      await store.insertKeys(lacking.map(newKey));
    }
  }

  function newKey(use: KeyUse): KeyUse & { readonly id: string; readonly sealed: Buffer } {
    const sealingKey = sealing(use.region);
    if (sealingKey === undefined) throw new Error(`there is no sealing key for the region ${use.region}`);
    const id = `key_${Buffer.from(random.bytes(15)).toString('base64url')}`;
    return { ...use, id, sealed: seal(random.bytes(32), sealingKey, boundTo(id, use), random) };
  }

  async function askAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, askedAtOnce);
      waiting = waiting.slice(askedAtOnce);
      try {
        const found = await makeOrFind(new Map(batch.map(({ use }) => [nameOf(use), use])));
        for (const { use, resolve, reject } of batch) {
          const key = found.get(nameOf(use));
          if (key === undefined) reject(new Error('the key of a subject disappeared while it was read'));
          else resolve(used.keep(nameOf(use), key));
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    asking = false;
  }

  function forgetOld(): void {
    const age = clock.now() - keptSince;
    if (age >= 0 && age < keptMs) return;
    used.clear();
    read.clear();
    keptSince = clock.now();
  }

  async function byIds(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, SubjectKey>> {
    forgetOld();
    const since = keptSince;
    const found = new Map<string, SubjectKey>();
    const unknown: string[] = [];
    for (const id of ids) {
      const known = read.get(id);
      if (known === undefined) unknown.push(id);
      else found.set(id, known);
    }
    for (let start = 0; start < unknown.length; start += askedAtOnce)
      for (const stored of await store.keys(unknown.slice(start, start + askedAtOnce))) {
        const key = opened(stored);
        // A key read before the cache was cleared must not outlive it.
        const kept = key.bytes !== undefined && keptSince === since;
        found.set(key.id, kept ? read.keep(key.id, key) : key);
      }
    return found;
  }

  return {
    known(use) {
      forgetOld();
      return used.get(nameOf(use));
    },
    inUse(use) {
      const key = new Promise<SubjectKey>((resolve, reject) => waiting.push({ use, resolve, reject }));
      // Requests of one turn of the event loop share one query.
      if (!asking) {
        asking = true;
        queueMicrotask(askAll);
      }
      return key;
    },
    byIds,
    async lend(ids) {
      forgetOld();
      // Taken before the query: the cache may be cleared meanwhile.
      const until = keptSince + keptMs;
      const keys = new Map<string, Uint8Array>();
      // A copy: transferring a view would transfer its whole buffer.
      for (const { id, bytes } of (await byIds(ids)).values())
        if (bytes !== undefined) keys.set(id, new Uint8Array(bytes));
      return { keys, forMs: Math.min(keptMs, Math.max(0, until - clock.now())) };
    },
    async firstBroken(ids) {
      for (let start = 0; start < ids.length; start += askedAtOnce)
        for (const stored of await store.keys(ids.slice(start, start + askedAtOnce)))
          try {
            opened(stored);
          } catch (error) {
            if (!isCodedError(error)) throw error;
            return stored.id;
          }
      return undefined;
    },
  };
}

function nameOf({ subject, region, class: inClass, year }: KeyUse): string {
  return `${year} ${inClass} ${region} ${subject}`;
}

/** A sealed key that is moved to another subject does not open. */
function boundTo(id: string, { subject, region, class: inClass, year }: KeyUse): string {
  return ['evidence-key', id, subject, region, inClass, year].join('\n');
}
