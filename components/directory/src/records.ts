import type { Actor, DirectoryChange, RecordDraft } from '@countersign/contracts';
import { type ChangeId, type Digest, defined, digestOf, type Json, type RecordId } from '@countersign/kernel';
import type { Entry, Graph } from './entry.ts';

interface AppliedRecords {
  readonly drafts: readonly RecordDraft[];
  /** For each person with credentials in a changed institution: the record that lists them. */
  readonly recordOf: ReadonlyMap<string, RecordId>;
}

// Each part has its own bound within the 65,535 bytes of a record, with room for what the log adds.
const changesBytes = 16_000;
const credentialsBytes = 40_000;

export interface Approval {
  readonly change: ChangeId;
  readonly proposedBy: string;
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
 * Lists every approval credential of the changed institutions afterwards: approvals rest on this record. A change too
 * large for one record is counted, and every changed or removed client and principal is listed over several.
 * Components that end tokens and grants follow this list.
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

/** One person's credentials stay together. There is always a first part. */
function credentialParts(people: readonly Entry[]): readonly (readonly CredentialLine[])[] {
  const groups = people.map(({ entity }) =>
    entity.kind === 'person' ? entity.value.credentials.map(({ kid, principal }) => ({ kid, principal })) : [],
  );
  return inParts(groups, credentialsBytes);
}

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

/** Lines of a group stay together. There is always a first part. */
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
