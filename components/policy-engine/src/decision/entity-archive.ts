import type { Digest } from '@countersign/kernel';
import type { Closure } from './entity-facts.ts';
import type { EntityFactStore } from './store.ts';

/** Number of digests remembered as stored. Beyond it the oldest half is forgotten, which costs a repeated query. */
const maxRemembered = 200_000;

/** Stores the entities that decisions have read, each once, before the decision is released. */
export interface EntityArchive {
  /**
   * @returns undefined if all are stored already, which is nearly always the case; otherwise resolves when they are stored
   * @throws CodedError `database_unavailable`
   */
  keep(closure: Closure): Promise<void> | undefined;
}

export function createEntityArchive(store: Pick<EntityFactStore, 'insert'>): EntityArchive {
  const storedWhole = new WeakSet<Closure>();
  /** Concurrent decisions with the same new closure share one insert. */
  const underWay = new WeakMap<Closure, Promise<void>>();
  let stored = new Set<Digest>();

  async function insert(closure: Closure): Promise<void> {
    const missing = closure.facts.filter(({ digest }) => !stored.has(digest));
    if (missing.length > 0) {
      await store.insert(missing);
      if (stored.size + missing.length > maxRemembered) stored = new Set([...stored].slice(stored.size / 2));
      for (const { digest } of missing) stored.add(digest);
    }
    storedWhole.add(closure);
  }

  function insertOnce(closure: Closure): Promise<void> {
    let inserting = underWay.get(closure);
    if (inserting === undefined) {
      inserting = insert(closure).finally(() => underWay.delete(closure));
      underWay.set(closure, inserting);
    }
    return inserting;
  }

  return { keep: (closure) => (storedWhole.has(closure) ? undefined : insertOnce(closure)) };
}
