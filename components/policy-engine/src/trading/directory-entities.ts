import {
  createEntitySnapshot,
  createLazySnapshot,
  EntityReadings,
  type EntitySnapshot,
  entitiesNamedIn,
} from '@countersign/cedar';
import type { DirectorySnapshot } from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type Closure, closureOf, type EntityFact, factOf, referencesIn } from '../decision/entity-facts.ts';
import type { Uid } from '../decision/posed.ts';
import { directoryEntity } from './entities.ts';

/** Types of entities that belong to one question alone. */
export const localTypes: ReadonlySet<string> = new Set(['Instrument', 'Mandate', 'Resource', 'Transaction']);

/** The directory at one version, as one bundle's policies see it. */
export interface SharedEntities {
  readonly snapshot: EntitySnapshot;
  /**
   * What a question can come to, whatever it asks.
   *
   * @param roots where it can begin to read the directory: who asks first, then what it names; in the same order each
   *   time, so that it is worked out once
   */
  closureOf(roots: readonly Uid[]): Closure;
}

/** Closures kept for a version of the directory; past it they are worked out again. */
const maxClosures = 20_000;
/** Of one who asks about many things; the last ones, because they are looked through. */
const maxClosuresOfOne = 16;

/** Reads entities of the directory when they are first asked for, and remembers them for as long as they do not change. */
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
    const closures = createClosures();
    const find = (uid: Uid) => factIn(directory, uid);
    const { base, always } = ofBundle(bundle);
    return {
      snapshot: createLazySnapshot({
        load: (uid) => find(uid)?.entity,
        localTypes,
        base,
        readings,
      }),
      closureOf: (roots) => closures.of(roots, () => closureOf([...roots, ...always], find)),
    };
  }

  return (directory, bundle) => {
    if (latest?.directory !== directory || latest.bundle !== bundle)
      latest = { directory, bundle, shared: share(directory, bundle) };
    return latest.shared;
  };
}

interface KnownClosure {
  readonly roots: readonly Uid[];
  readonly closure: Closure;
}

/** Closures by the entities they start from; looked for by the first one, which is who asks. */
function createClosures() {
  const known = new Map<string, KnownClosure[]>();
  let size = 0;
  return {
    of(roots: readonly Uid[], make: () => Closure): Closure {
      const first = roots[0]?.id ?? '';
      const sameFirst = known.get(first);
      if (sameFirst !== undefined) for (const each of sameFirst) if (sameRoots(each.roots, roots)) return each.closure;
      if (size >= maxClosures) {
        known.clear();
        size = 0;
      }
      const closure = make();
      known.set(first, [...(known.get(first) ?? []), { roots, closure }].slice(-maxClosuresOfOne));
      size++;
      return closure;
    },
  };
}

function sameRoots(left: readonly Uid[], right: readonly Uid[]): boolean {
  if (left.length !== right.length) return false;
  for (let place = 0; place < left.length; place++) {
    const one = left[place];
    const other = right[place];
    // The same names mostly are the same objects.
    if (one !== other && (one?.id !== other?.id || one?.type !== other?.type)) return false;
  }
  return true;
}

interface BundleEntities {
  readonly base: EntitySnapshot;
  /** Entities that policies name in their text, and those that the bundle's own entities name. */
  readonly always: readonly Uid[];
}

const bundles = new WeakMap<LoadedBundle, BundleEntities>();

function ofBundle(bundle: LoadedBundle): BundleEntities {
  let found = bundles.get(bundle);
  if (found === undefined) {
    const { parsed, entities } = bundle;
    found = {
      base: createEntitySnapshot(entities),
      always: [...entitiesNamedIn(parsed), ...entities.flatMap(referencesIn)],
    };
    bundles.set(bundle, found);
  }
  return found;
}
