import { canonicalize } from '@countersign/kernel';
import { type EntityChange, type Entry, entryKey, type Graph, keyOf } from './entry.ts';
import type { Problems } from './problems.ts';

export interface Wanted {
  readonly entries: readonly Entry[];
  readonly removes: (entry: Entry) => boolean;
  /** Stored entities that must be rewritten as a consequence. `entries` takes precedence. */
  readonly follows?: (stored: Graph) => readonly Entry[];
  /** Stored entities with recorded values added; invalid ones are reported. */
  readonly amends?: (stored: Graph, problems: Problems) => readonly Entry[];
}

export interface ChangeSet {
  readonly changes: readonly EntityChange[];
  readonly written: readonly Entry[];
  readonly removed: readonly Entry[];
  readonly following: readonly Entry[];
  /** Everything stored afterwards; the requested entities come last, in their requested form. */
  readonly stored: Graph;
}

export function compare(options: {
  readonly wanted: Wanted;
  readonly seed: Graph;
  readonly stored: Graph;
  readonly problems: Problems;
}): ChangeSet {
  const { wanted, seed, stored } = options;
  const changes: EntityChange[] = [];
  const written: Entry[] = [];
  const asked = new Map<string, Entry>();

  const named = new Set(wanted.entries.map(entryKey));
  const following = (wanted.follows?.(stored) ?? []).filter((entry) => !named.has(entryKey(entry)));
  const amended = wanted.amends?.(stored, options.problems) ?? [];
  for (const entry of [...wanted.entries, ...amended, ...following]) {
    const { kind } = entry.entity;
    const key = keyOf(kind, entry.id);
    const seeded = seed.get(key);
    if (seeded !== undefined) {
      if (differingFields(seeded, entry).length > 0)
        options.problems
          .place(entry.path)
          .report(
            'seed_protected',
            'This entity belongs to the installation and can only be changed in its configuration.',
          );
      continue;
    }
    asked.set(key, entry);
    const before = stored.get(key);
    const fields = before === undefined ? [] : differingFields(before, entry);
    if (before === undefined) changes.push({ change: 'add', kind, id: entry.id });
    else if (fields.length > 0) changes.push({ change: 'change', kind, id: entry.id, fields });
    else continue;
    written.push(entry);
  }

  const removed: Entry[] = [];
  const after = new Map<string, Entry>();
  for (const [key, entry] of stored) {
    if (asked.has(key)) continue;
    if (wanted.removes(entry)) {
      removed.push(entry);
      changes.push({ change: 'remove', kind: entry.entity.kind, id: entry.id });
    } else after.set(key, entry);
  }
  for (const [key, entry] of asked) after.set(key, entry);
  const asFollowed = new Set(following);
  return { changes, written, removed, following: written.filter((entry) => asFollowed.has(entry)), stored: after };
}

function differingFields(before: Entry, after: Entry): readonly string[] {
  const names = new Set([...Object.keys(before.document), ...Object.keys(after.document)]);
  return [...names].filter((name) => textOf(before, name) !== textOf(after, name)).sort();
}

function textOf({ document }: Entry, name: string): string | undefined {
  const member = document[name];
  return member === undefined ? undefined : canonicalize(member);
}
