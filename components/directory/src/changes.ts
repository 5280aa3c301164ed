import type { DirectoryChange } from '@countersign/contracts';
import { canonicalize } from '@countersign/kernel';
import { type Entry, type Graph, keyOf } from './entry.ts';
import type { Problems } from './problems.ts';
import type { DirectoryFile } from './read-file.ts';

/** What a file does to the graph. */
export interface ChangeSet {
  readonly changes: readonly DirectoryChange[];
  /** Added and changed. */
  readonly written: readonly Entry[];
  readonly removed: readonly Entry[];
  /** Everything that would be stored afterwards, the file's own entries last and as the file has them. */
  readonly stored: Graph;
}

/**
 * Compares a file with what is stored.
 *
 * @param prune also removes what belongs to an institution that the file names and is not in it
 */
export function compare(options: {
  readonly file: DirectoryFile;
  readonly seed: Graph;
  readonly stored: Graph;
  readonly prune: boolean;
  readonly problems: Problems;
}): ChangeSet {
  const { file, seed, stored } = options;
  const changes: DirectoryChange[] = [];
  const written: Entry[] = [];
  const fromFile = new Map<string, Entry>();

  for (const entry of file.entries) {
    const { kind } = entry.entity;
    const key = keyOf(kind, entry.id);
    const seeded = seed.get(key);
    if (seeded !== undefined) {
      if (differingFields(seeded, entry).length > 0)
        options.problems
          .place(entry.path)
          .report('seed_protected', 'This belongs to the installation itself and is set in its configuration.');
      continue;
    }
    fromFile.set(key, entry);
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
    if (fromFile.has(key)) continue;
    if (options.prune && file.named.has(entry.owner)) {
      removed.push(entry);
      changes.push({ change: 'remove', kind: entry.entity.kind, id: entry.id });
    } else after.set(key, entry);
  }
  for (const [key, entry] of fromFile) after.set(key, entry);
  return { changes, written, removed, stored: after };
}

/** Names of the top-level members of the wire form that differ. */
function differingFields(before: Entry, after: Entry): readonly string[] {
  const names = new Set([...Object.keys(before.document), ...Object.keys(after.document)]);
  return [...names].filter((name) => textOf(before, name) !== textOf(after, name)).sort();
}

function textOf({ document }: Entry, name: string): string | undefined {
  const member = document[name];
  return member === undefined ? undefined : canonicalize(member);
}
