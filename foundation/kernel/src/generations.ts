/** A bounded memory from which single entries can be taken. */
export interface RecentlyUsed<Value> {
  get(key: string): Value | undefined;
  keep(key: string, value: Value): void;
  forget(key: string): void;
  clear(): void;
  /** For the measurements. */
  readonly size: number;
}

/**
 * Two generations of at most `size` each: when the younger is full it becomes the older, and the older is dropped. A
 * hit in the older moves the value to the younger. A hit costs one map access.
 */
export function createRecentlyUsed<Value>(size: number): RecentlyUsed<Value> {
  let younger = new Map<string, Value>();
  let older = new Map<string, Value>();

  function keep(key: string, value: Value): void {
    older.delete(key);
    if (younger.size >= size && !younger.has(key)) {
      older = younger;
      younger = new Map();
    }
    younger.set(key, value);
  }

  return {
    get(key) {
      const young = younger.get(key);
      if (young !== undefined) return young;
      const ageing = older.get(key);
      if (ageing !== undefined) keep(key, ageing);
      return ageing;
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
