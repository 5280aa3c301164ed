import type { EntityInput, EntityUid } from '@countersign/cedar';
import type { LoadedApplication } from '../bundle/loaded-bundle.ts';
import { keyOf, referencesIn } from '../decision/entity-facts.ts';
import type { SortedIds } from '../decision/visible.ts';

/** The entities of a model that were written over the interface. */
export interface WrittenEntities {
  /** Number of changes. */
  readonly version: number;
  readonly entities: readonly EntityInput[];
  /** False if rows contradict their records or were not read yet; the model then decides nothing. */
  readonly proven: boolean;
}

/** For a model whose stored entities this node has not read yet. */
export const notRead: WrittenEntities = { version: 0, entities: [], proven: false };

/** All entities of a model. Those of the bundle take precedence over written ones. */
export interface ApplicationEntities {
  readonly version: number;
  readonly proven: boolean;
  find(uid: EntityUid): EntityInput | undefined;
  /** Ids of a type, ascending. */
  ids(type: string): SortedIds;
  /** All entities reachable from the roots over parents and attributes; undefined if there are more than `most`. */
  reachedFrom(roots: Iterable<EntityUid>, most: number): ReadonlyMap<string, EntityInput> | undefined;
}

const known = new WeakMap<
  LoadedApplication,
  { readonly written: WrittenEntities; readonly made: ApplicationEntities }
>();

/** @param written the same object as long as nothing changes */
export function entitiesOf(application: LoadedApplication, written: WrittenEntities): ApplicationEntities {
  const before = known.get(application);
  if (before?.written === written) return before.made;
  const made = make(application, written);
  known.set(application, { written, made });
  return made;
}

function make(
  { entities }: LoadedApplication,
  { version, entities: added, proven }: WrittenEntities,
): ApplicationEntities {
  const all = new Map<string, EntityInput>();
  for (const entity of [...added, ...entities]) all.set(keyOf(entity.uid), entity);
  const sorted = new Map<string, SortedIds>();
  return {
    version,
    proven,
    find: (uid) => all.get(keyOf(uid)),
    ids(type) {
      let ids = sorted.get(type);
      if (ids === undefined) {
        ids = [...all.values()].flatMap(({ uid }) => (uid.type === type ? [uid.id] : [])).sort();
        sorted.set(type, ids);
      }
      return ids;
    },
    reachedFrom(roots, most) {
      const reached = new Map<string, EntityInput>();
      const pending = [...roots];
      for (let uid = pending.pop(); uid !== undefined; uid = pending.pop()) {
        const key = keyOf(uid);
        const entity = reached.has(key) ? undefined : all.get(key);
        if (entity === undefined) continue;
        reached.set(key, entity);
        if (reached.size > most) return undefined;
        pending.push(...referencesIn(entity));
      }
      return reached;
    },
  };
}
