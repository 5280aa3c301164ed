import type { Actor, DirectoryChange, RecordDraft } from '@countersign/contracts';
import { type ChangeId, type Digest, defined, digestOf, type Json, type RecordId } from '@countersign/kernel';
import type { Entry, Graph } from './entry.ts';

interface AppliedRecords {
  /** More than one when changes or credentials do not fit into one record. */
  readonly drafts: readonly RecordDraft[];
  /** For each person with credentials in a changed institution: the record that lists them. */
  readonly recordOf: ReadonlyMap<string, RecordId>;
}

// A record holds 65,535 bytes. Each part has its own bound, with room for what the log adds.
const changesBytes = 16_000;
const credentialsBytes = 40_000;

/** For a change by two people: its proposal and its approver. */
export interface Approval {
  readonly change: ChangeId;
  readonly proposedBy: string;
  /** The record of the approval. */
  readonly record: RecordId;
}

type ChangeLine = {
  readonly change: string;
  readonly kind: DirectoryChange['kind'];
  readonly id: string;
  readonly fields?: readonly string[];
};
type CredentialLine = { readonly kid: string; readonly principal: string };

/**
 * The record of a change: the changes, and every approval credential of the changed institutions afterwards. Approvals later
 * rest on this record, which proves who owned the signing key.
 *
 * `changes` is complete if it fits one record. Otherwise the first record counts the changes, and `changes` lists, over as many
 * records as needed, every client and principal that was changed or removed. Components that end tokens and grants follow this
 * list.
 */
export function appliedRecords(options: {
  readonly version: number;
  readonly changes: readonly DirectoryChange[];
  readonly touched: readonly Entry[];
  readonly after: Graph;
  readonly fileDigest: Digest;
  readonly by: Actor;
  readonly approval?: Approval | undefined;
  readonly newRecordId: () => RecordId;
}): AppliedRecords {
  const { approval } = options;
  const institutions = new Set(options.touched.map(({ owner }) => owner));
  const people = [...options.after.values()]
    .filter(
      ({ owner, entity }) =>
        institutions.has(owner) &&
        entity.kind === 'person' &&
        entity.value.active !== false &&
        entity.value.credentials.length > 0,
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const credentials = credentialParts(people);
  const { changes, summary } = describeChanges(options.changes);
  const count = Math.max(changes.length, credentials.length);
  const recordOf = new Map<string, RecordId>();
  const drafts = Array.from({ length: count }, (_, index): RecordDraft => {
    const id = options.newRecordId();
    const listed = credentials[index] ?? [];
    for (const { principal } of listed) recordOf.set(principal, id);
    return {
      id,
      type: 'directory.applied',
      source: 'directory',
      outcome: 'done',
      subject: options.by,
      ...(approval === undefined ? {} : { references: [approval.record] }),
      data: {
        version: options.version,
        file_digest: options.fileDigest,
        ...(approval === undefined ? {} : { change_request: approval.change, proposed_by: approval.proposedBy }),
        ...(count === 1 ? {} : { part: index + 1, parts: count }),
        ...(index === 0 ? summary : {}),
        changes: changes[index] ?? [],
        credentials: listed,
      },
    };
  });
  return { drafts, recordOf };
}

/**
 * Splits credentials into parts that fit one record each and keeps one person's credentials together. There is always a first
 * part.
 */
function credentialParts(people: readonly Entry[]): readonly (readonly CredentialLine[])[] {
  const groups = people.map(({ entity }) =>
    entity.kind === 'person' ? entity.value.credentials.map(({ kid, principal }) => ({ kid, principal })) : [],
  );
  return inParts(groups, credentialsBytes);
}

/** All changes if they fit; otherwise their number, the digest of the list, and the changes that remove something. */
function describeChanges(changes: readonly DirectoryChange[]): {
  readonly changes: readonly (readonly ChangeLine[])[];
  readonly summary: { readonly [key: string]: Json };
} {
  const list = changeLines(changes);
  if (sizeOf(list) <= changesBytes) return { changes: [list], summary: {} };
  return {
    changes: inParts(
      list.filter(({ change, kind }) => change !== 'add' && holders.has(kind)).map((line) => [line]),
      changesBytes,
    ),
    summary: summaryOf(changes),
  };
}

/** Kinds to which tokens and grants are issued. */
const holders: ReadonlySet<DirectoryChange['kind']> = new Set(['client', 'person', 'service', 'agent']);

/** The changes for a record that may be incomplete: all if they fit, otherwise their number and digest. */
export function changesInBrief(changes: readonly DirectoryChange[]): { readonly [key: string]: Json } {
  const list = changeLines(changes);
  return sizeOf(list) <= changesBytes ? { changes: list } : summaryOf(changes);
}

function summaryOf(changes: readonly DirectoryChange[]): { readonly [key: string]: Json } {
  const count = (wanted: DirectoryChange['change']): number => changes.filter(({ change }) => change === wanted).length;
  return {
    change_counts: { add: count('add'), change: count('change'), remove: count('remove') },
    changes_digest: digestOf(changeLines(changes)),
  };
}

function changeLines(changes: readonly DirectoryChange[]): readonly ChangeLine[] {
  return changes.map(({ change, kind, id, fields }) => ({
    change,
    kind,
    id,
    ...defined({ fields }),
  }));
}

/** Splits lines into parts of at most `maxBytes` and keeps the lines of a group together. There is always a first part. */
function inParts<Line extends Json>(
  groups: readonly (readonly Line[])[],
  maxBytes: number,
): readonly (readonly Line[])[] {
  let current: Line[] = [];
  const parts = [current];
  let size = 0;
  for (const lines of groups) {
    const bytes = sizeOf(lines);
    if (size + bytes > maxBytes && current.length > 0) {
      current = [];
      parts.push(current);
      size = 0;
    }
    current.push(...lines);
    size += bytes;
  }
  return parts;
}

function sizeOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}
