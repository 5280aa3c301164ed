import type { EntityInput, EntityUid } from '@countersign/cedar';
import type { LoadedApplication } from '../bundle/loaded-bundle.ts';
import { keyOf, referencesIn } from '../decision/entity-facts.ts';
import type { SortedIds } from '../decision/visible.ts';

/** What was written of a model over the interface. */
export interface WrittenEntities {
  /** Counts the changes; 0 before the first. */
  readonly version: number;
  readonly entities: readonly EntityInput[];
  /** False where rows and records do not say the same, or were not read yet: nothing is decided by them then. */
  readonly proven: boolean;
}

/** Of a model whose stored entities this node has not read yet: nothing is decided by it until then. */
export const notRead: WrittenEntities = { version: 0, entities: [], proven: false };

/** Entities of a model, those of its bundle and the written ones. What the bundle says of one, nobody writes otherwise. */
export interface ApplicationEntities {
  readonly version: number;
  readonly proven: boolean;
  find(uid: EntityUid): EntityInput | undefined;
  /** Ids of a type, ascending. */
  ids(type: string): SortedIds;
  /**
   * Everything that can be read by somebody who starts at these, over parents and attributes, at most `most`.
   *
   * @returns undefined where there is more
   */
  reachedFrom(roots: Iterable<EntityUid>, most: number): ReadonlyMap<string, EntityInput> | undefined;
}

const known = new WeakMap<
  LoadedApplication,
  { readonly written: WrittenEntities; readonly made: ApplicationEntities }
>();

/** @param written of this model; the same object for as long as nothing changes */
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
