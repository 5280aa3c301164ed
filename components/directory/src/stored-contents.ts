import type { Claim } from '@countersign/contracts';
import { type Digest, digestOf, type RecordId, sha256Base64Url } from '@countersign/kernel';
import { keyOf } from './entry.ts';

// Of the rows of the graph, everything that decides (docs/adr/0043).

/** The graph as it is committed. */
export const directoryThing = 'directory';
/** The graph as a change makes it: recorded before the change is committed. */
export const pendingThing = 'directory-pending';

/** A change that two people have decided on and that is not committed yet. One at most: whoever takes the lock next carries it out. */
export const approvedThing = 'directory-approved';

/** Digest of each stored document, by {@link keyOf}. */
type DocumentDigests = ReadonlyMap<string, Digest>;

/** What is stored of the graph, as far as it decides. */
export interface StoredContents {
  readonly version: number;
  readonly documents: DocumentDigests;
  /** By person: the record that lists their credentials. */
  readonly records: ReadonlyMap<string, RecordId>;
  /** Of all of it. The whole graph is one thing: of 100,000 entities the log need not hold 100,000. */
  readonly claim: Claim;
  readonly digest: Digest;
}

export function storedContents(parts: Omit<StoredContents, 'claim' | 'digest'>): StoredContents {
  const { version, documents, records } = parts;
  const recordOf = new Map([...records].map(([person, record]) => [keyOf('person', person), record]));
  const lines = [...documents]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, digest]) => JSON.stringify([key, digest, recordOf.get(key) ?? null]));
  const content = { version, root: sha256Base64Url(lines.join('\n')) };
  return { ...parts, claim: { of: directoryThing, content }, digest: digestOf(content) };
}
