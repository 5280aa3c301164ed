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
import type { Uid } from '../decision/posed.ts';
import { directoryEntity } from './entities.ts';
import { type KnownDirectory, type KnownPrincipal, knownDirectory } from './known-directory.ts';

/** Types of entities that belong to one question alone. */
export const localTypes: ReadonlySet<string> = new Set(['Device', 'Instrument', 'Mandate', 'Resource', 'Transaction']);

/** The directory at one version, as one bundle's policies see it. */
export interface SharedEntities {
  readonly snapshot: EntitySnapshot;
  readonly directory: KnownDirectory;
  /**
   * What a question can come to, whatever it asks.
   *
   * @param principal who asks; without one there is no question, and nothing to come to but what the policies name
   * @param roots where it can begin to read the directory beside them; in the same order each time, so that it is worked
   *   out once
   */
  closureOf(principal: KnownPrincipal | undefined, roots: readonly EntityReference[]): Closure;
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
    const find = (uid: Uid) => factIn(directory, uid);
    const { base, always } = ofBundle(bundle);
    const closures = createClosures();
    let ofNobody: Closure | undefined;
    return {
      directory: knownDirectory(directory),
      snapshot: createLazySnapshot({
        load: (uid) => find(uid)?.entity,
        localTypes,
        base,
        readings,
      }),
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
   * A copy: V8 watches where lists that live long are made, and from then on puts every list made there among the old
   * objects, where it holds on to all of its question. That made collecting garbage two to four times as long.
   */
  readonly roots: readonly EntityReference[];
  readonly closure: Closure;
}

/** Closures by who asks, and by what they start from. */
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
