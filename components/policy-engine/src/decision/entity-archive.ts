import type { Digest } from '@countersign/kernel';
import type { Closure } from './entity-facts.ts';
import type { EntityFactStore } from './store.ts';

/** Digests remembered as stored; past it, the oldest half is asked for again, which costs a query and nothing else. */
const maxRemembered = 200_000;

/** Keeps the entities that decisions have read, each once, before the decision is known to anybody. */
export interface EntityArchive {
  /**
   * @returns undefined when all of them are stored already, which is nearly always; else resolves when they are
   * @throws CodedError `database_unavailable`
   */
  keep(closure: Closure): Promise<void> | undefined;
}

export function createEntityArchive(store: Pick<EntityFactStore, 'insert'>): EntityArchive {
  const storedWhole = new WeakSet<Closure>();
  /** A closure that many meet at once for the first time is stored once. */
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
