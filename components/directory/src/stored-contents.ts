import type { Claim } from '@countersign/contracts';
import { type Digest, digestOf, type RecordId, sha256Base64Url } from '@countersign/kernel';
import { keyOf } from './entry.ts';

// The parts of the graph's rows that decide an outcome (docs/adr/0043).

export const directoryThing = 'directory';
/** The graph after a change; recorded before the change is committed. */
export const pendingThing = 'directory-pending';

/** An approved change that is not committed yet. There is at most one: the next holder of the lock carries it out. */
export const approvedThing = 'directory-approved';

type DocumentDigests = ReadonlyMap<string, Digest>;

/** The stored graph, as far as it decides an outcome. */
export interface StoredContents {
  readonly version: number;
  readonly documents: DocumentDigests;
  /** By person: the record that lists the person's credentials. */
  readonly records: ReadonlyMap<string, RecordId>;
  /** One digest of the whole graph, so that the log need not hold an entry for each of 100,000 entities. */
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
