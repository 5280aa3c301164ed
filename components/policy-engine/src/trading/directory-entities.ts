import {
  createEntitySnapshot,
  createLazySnapshot,
  EntityReadings,
  type EntityReference,
  type EntitySnapshot,
  entitiesNamedIn,
} from '@countersign/cedar';
import type { DirectorySnapshot } from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type Closure, closureOf, type EntityFact, factOf, referencesIn } from '../decision/entity-facts.ts';
import type { Uid } from '../decision/question.ts';
import { memoised } from '../memoised.ts';
import { directoryEntity } from './entities.ts';
import { type KnownDirectory, type KnownPrincipal, knownDirectory } from './known-directory.ts';

/** Types of entities that belong to one question only. */
export const localTypes: ReadonlySet<string> = new Set(['Device', 'Instrument', 'Mandate', 'Resource', 'Transaction']);

/** The directory at one version, as the policies of one bundle see it. */
export interface SharedEntities {
  readonly snapshot: EntitySnapshot;
  readonly directory: KnownDirectory;
  /**
   * The entities reachable from a question.
   * @param principal without one, only the entities named in policies are reachable
   * @param roots further references, always in the same order, so that the result is cached
   */
  closureOf(principal: KnownPrincipal | undefined, roots: readonly EntityReference[]): Closure;
}

/** Maximum number of cached closures for a version of the directory. */
const maxClosures = 20_000;
/** Maximum number for one principal; small, because the list is searched. */
const maxClosuresOfOne = 16;

/** Reads entities of the directory lazily, and caches them until they change. */
export function createDirectoryEntities(): (directory: DirectorySnapshot, bundle: LoadedBundle) => SharedEntities {
  const facts = new WeakMap<object, { readonly variant: string; readonly fact: EntityFact }>();
  const readings = new EntityReadings();
  let latest: { directory: DirectorySnapshot; bundle: LoadedBundle; shared: SharedEntities } | undefined;

  function factIn(directory: DirectorySnapshot, uid: Uid): EntityFact | undefined {
    const found = directoryEntity(directory, uid);
    if (found === undefined) return undefined;
    const known = facts.get(found.source);
    if (known?.variant === found.variant) return known.fact;
    const fact = factOf(found.make());
    facts.set(found.source, { variant: found.variant, fact });
    return fact;
  }

  function share(directory: DirectorySnapshot, bundle: LoadedBundle): SharedEntities {
    const find = (uid: Uid) => factIn(directory, uid);
    const { base, always } = ofBundle(bundle);
    const closures = createClosures();
    let ofNobody: Closure | undefined;
    return {
      directory: knownDirectory(directory),
      snapshot: createLazySnapshot({ load: (uid) => find(uid)?.entity, localTypes, base, readings }),
      closureOf(principal, roots) {
        if (principal === undefined) {
          ofNobody ??= closureOf(always, find);
          return ofNobody;
        }
        return closures.of(principal, roots, () => closureOf([principal.uid, ...roots, ...always], find));
      },
    };
  }

  return (directory, bundle) => {
    if (latest?.directory !== directory || latest.bundle !== bundle)
      latest = { directory, bundle, shared: share(directory, bundle) };
    return latest.shared;
  };
}

interface KnownClosure {
  /**
   * A copy: V8 pretenures allocation sites of long-lived lists. Without the copy every list made there, and its question, would go
   * to the old generation, which made garbage collection two to four times slower.
   */
  readonly roots: readonly EntityReference[];
  readonly closure: Closure;
}

function createClosures() {
  const known = new Map<KnownPrincipal, readonly KnownClosure[]>();
  let size = 0;
  return {
    of(principal: KnownPrincipal, roots: readonly EntityReference[], make: () => Closure): Closure {
      const ofOne = known.get(principal);
      if (ofOne !== undefined) for (const each of ofOne) if (sameRoots(each.roots, roots)) return each.closure;
      if (size >= maxClosures) {
        known.clear();
        size = 0;
      }
      const kept = { roots: Array.from(roots), closure: make() };
      known.set(principal, [...(known.get(principal) ?? []), kept].slice(-maxClosuresOfOne));
      size++;
      return kept.closure;
    },
  };
}

function sameRoots(left: readonly EntityReference[], right: readonly EntityReference[]): boolean {
  if (left.length !== right.length) return false;
  for (let place = 0; place < left.length; place++) {
    const one = left[place];
    const other = right[place];
    // Equal references are usually the same object.
    if (one !== other && (one?.id !== other?.id || one?.type !== other?.type)) return false;
  }
  return true;
}

const ofBundle = memoised(({ parsed, entities }: LoadedBundle) => ({
  base: createEntitySnapshot(entities),
  /** Entities named in policies or referenced by the bundle's own entities. */
  always: [...entitiesNamedIn(parsed), ...entities.flatMap(referencesIn)],
}));
