import type { EntityInput, EntityUid } from '@countersign/cedar';
import { canonicalize, type Digest, sha256Digest } from '@countersign/kernel';
import type { EntityFactStore } from './store.ts';

/** An entity that decisions may have read. Records name it by the digest of its canonical form. */
export interface EntityFact {
  readonly entity: EntityInput;
  readonly digest: Digest;
  readonly text: string;
  /** Its parents and the entities that its attributes refer to. */
  readonly references: readonly EntityUid[];
}

/** @throws CodedError `not_canonicalizable` */
export function factOf(entity: EntityInput): EntityFact {
  const text = canonicalize(entity);
  return { entity, digest: sha256Digest(text), text, references: referencesIn(entity) };
}

export interface Closure {
  /** Sorted by type and id, without duplicates. */
  readonly facts: readonly EntityFact[];
  /** Type, id and digest, as in the input of a decision. */
  readonly listed: readonly (readonly [type: string, id: string, digest: Digest])[];
  /** `listed` as canonical JSON. */
  readonly text: string;
}

/**
 * Follows parents and references in attributes, and stops at entities that are not found.
 * @param find returns undefined for an entity that is unknown or is not recorded by digest
 */
export function closureOf(roots: Iterable<EntityUid>, find: (uid: EntityUid) => EntityFact | undefined): Closure {
  const reached = new Map<string, EntityFact | undefined>();
  const pending = [...roots];
  for (let uid = pending.pop(); uid !== undefined; uid = pending.pop()) {
    const key = keyOf(uid);
    if (reached.has(key)) continue;
    const fact = find(uid);
    reached.set(key, fact);
    if (fact !== undefined) pending.push(...fact.references);
  }
  const facts = [...reached]
    .filter((each): each is [string, EntityFact] => each[1] !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, fact]) => fact);
  const listed = facts.map(({ entity: { uid }, digest }) => [uid.type, uid.id, digest] as const);
  // Already in canonical order. One flat string, because every decision copies it.
  return { facts, listed, text: JSON.stringify(listed) };
}

/** Unique, because a type name holds no NUL. */
export function keyOf({ type, id }: EntityUid): string {
  return `${type}\0${id}`;
}

/** All references of an entity or of a context. */
export function referencesIn({ attrs, parents, tags }: Omit<EntityInput, 'uid'>): readonly EntityUid[] {
  const found = [...parents];
  collectReferences(attrs, found);
  if (tags !== undefined) collectReferences(tags, found);
  return found;
}

/** Adds the references of a value in Cedar's JSON form. */
export function collectReferences(value: unknown, into: EntityUid[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) collectReferences(item, into);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === '__entity' && isUid(member)) into.push(member);
    else collectReferences(member, into);
  }
}

function isUid(value: unknown): value is EntityUid {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    'id' in value &&
    typeof value.type === 'string' &&
    typeof value.id === 'string'
  );
}

/** Number of digests remembered as stored. Beyond it the oldest half is forgotten, which costs a repeated query. */
const maxRemembered = 200_000;

export interface EntityArchive {
  /**
   * @returns undefined if all are stored already, which is nearly always the case; otherwise resolves when they are stored
   * @throws CodedError `database_unavailable`
   */
  keep(closure: Closure): Promise<void> | undefined;
}

export function createEntityArchive(store: Pick<EntityFactStore, 'insert'>): EntityArchive {
  const storedWhole = new WeakSet<Closure>();
  /** Concurrent decisions with the same new closure share one insert. */
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
