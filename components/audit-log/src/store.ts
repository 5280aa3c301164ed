import { appendStore } from './store/append.ts';
import { checkpointStore } from './store/checkpoints.ts';
import { entryStore } from './store/entries.ts';
import type { Queryable } from './store/queryable.ts';
import { standingStore } from './store/standings.ts';
import { treeStore } from './store/tree.ts';

export type { StoredCheckpoint } from './store/checkpoints.ts';
export type { IndexedEntry, PrunedEntry, SealedEntry, StoredEntry, StretchQuery } from './store/entries.ts';
export type { Queryable } from './store/queryable.ts';

export function createLogStore(database: Queryable) {
  return {
    ...appendStore(database),
    ...entryStore(database),
    ...treeStore(database),
    ...checkpointStore(database),
    ...standingStore(database),
  };
}

export type LogStore = ReturnType<typeof createLogStore>;
