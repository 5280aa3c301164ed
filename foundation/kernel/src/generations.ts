/** A bounded memory of what is costly to make, from which single entries can be taken. */
export interface Generations<Key, Value> {
  get(key: Key): Value | undefined;
  /** @returns the value */
  keep(key: Key, value: Value): Value;
  forget(key: Key): void;
  clear(): void;
  /** How many entries there are; those of the older generation count too. */
  readonly size: number;
}

/**
 * Two generations of at most `size` each: when the younger is full it becomes the older, and the older is dropped. A
 * hit in the older moves the value to the younger. What is used stays, a flood of what is used once cannot occupy
 * more than that, and a hit costs one map access.
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
