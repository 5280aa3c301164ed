/** A bounded cache whose entries can be removed singly. */
export interface Generations<Key, Value> {
  get(key: Key): Value | undefined;
  /** @returns the value */
  keep(key: Key, value: Value): Value;
  forget(key: Key): void;
  clear(): void;
  readonly size: number;
}

/**
 * Two generations of at most `size` entries each. A full younger generation replaces the older one, which is dropped. A hit in
 * the older generation moves the entry to the younger. Entries in use therefore stay, a flood of single-use entries cannot
 * displace them beyond that, and a hit costs one map access.
 */
export function createGenerations<Key, Value>(size: number): Generations<Key, Value> {
  let younger = new Map<Key, Value>();
  let older = new Map<Key, Value>();

  function keep(key: Key, value: Value): Value {
    older.delete(key);
    if (younger.size >= size && !younger.has(key)) {
      older = younger;
      younger = new Map();
    }
    younger.set(key, value);
    return value;
  }

  return {
    get(key) {
      const young = younger.get(key);
      if (young !== undefined) return young;
      const ageing = older.get(key);
      return ageing === undefined ? undefined : keep(key, ageing);
    },
    keep,
    forget(key) {
      younger.delete(key);
      older.delete(key);
    },
    clear() {
      younger = new Map();
      older = new Map();
    },
    get size() {
      return younger.size + older.size;
    },
  };
}
