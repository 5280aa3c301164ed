import type { Actor, DirectoryChange, RecordDraft } from '@countersign/contracts';
import { type Digest, digestOf, type Json, type RecordId } from '@countersign/kernel';
import type { Entry, Graph } from './entry.ts';

export interface AppliedRecords {
  /** More than one when the credentials do not fit into one record. */
  readonly drafts: readonly RecordDraft[];
  /** For each person with credentials in the institutions that changed: the record that lists them. */
  readonly recordOf: ReadonlyMap<string, RecordId>;
}

// A record holds 65,535 bytes. Both parts are bounded apart, and leave room for what the log adds.
const changesBytes = 16_000;
const credentialsBytes = 40_000;

type CredentialLine = { readonly kid: string; readonly principal: string };

/**
 * The record of a change: what changed, and every approval credential of the institutions that changed, as it
 * stands afterwards. An approval later rests on it: it proves whose key signed.
 */
export function appliedRecords(options: {
  readonly version: number;
  readonly changes: readonly DirectoryChange[];
  readonly touched: readonly Entry[];
  readonly after: Graph;
  readonly fileDigest: Digest;
  readonly by: Actor;
  readonly newRecordId: () => RecordId;
}): AppliedRecords {
  const institutions = new Set(options.touched.map(({ owner }) => owner));
  const people = [...options.after.values()]
    .filter(
      ({ owner, entity }) => institutions.has(owner) && entity.kind === 'person' && entity.value.credentials.length > 0,
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const parts = inParts(people);
  const recordOf = new Map<string, RecordId>();
  const drafts = parts.map((part, index): RecordDraft => {
    const id = options.newRecordId();
    for (const { principal } of part) recordOf.set(principal, id);
    return {
      id,
      type: 'directory.applied',
      source: 'directory',
      outcome: 'done',
      subject: options.by,
      data: {
        version: options.version,
        file_digest: options.fileDigest,
        ...(parts.length === 1 ? {} : { part: index + 1, parts: parts.length }),
        ...(index === 0 ? describeChanges(options.changes) : {}),
        credentials: part,
      },
    };
  });
  return { drafts, recordOf };
}

/** Credentials in parts that fit a record each; one person's stay together. There is always a first part. */
function inParts(people: readonly Entry[]): readonly (readonly CredentialLine[])[] {
  let current: CredentialLine[] = [];
  const parts = [current];
  let size = 0;
  for (const { entity } of people) {
    if (entity.kind !== 'person') continue;
    const lines = entity.value.credentials.map(({ kid, principal }) => ({ kid, principal }));
    const bytes = sizeOf(lines);
    if (size + bytes > credentialsBytes) {
      current = [];
      parts.push(current);
      size = 0;
    }
    current.push(...lines);
    size += bytes;
  }
  return parts;
}

/** Each change where they fit; otherwise how many, and the digest of the list, which `plan` can show again. */
function describeChanges(changes: readonly DirectoryChange[]): { readonly [key: string]: Json } {
  const list = changes.map(({ change, kind, id, fields }) => ({
    change,
    kind,
    id,
    ...(fields === undefined ? {} : { fields }),
  }));
  if (sizeOf(list) <= changesBytes) return { changes: list };
  const count = (wanted: DirectoryChange['change']): number => changes.filter(({ change }) => change === wanted).length;
  return {
    change_counts: { add: count('add'), change: count('change'), remove: count('remove') },
    changes_digest: digestOf(list),
  };
}

function sizeOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** A file that its sender may send and that asks for what nobody may have. */
export function refusedRecord(options: {
  readonly code: string;
  readonly problemCount: Json;
  readonly fileDigest: Digest;
  readonly by: Actor;
  readonly id: RecordId;
}): RecordDraft {
  return {
    id: options.id,
    type: 'access.refused',
    source: 'directory',
    outcome: 'deny',
    reason: options.code,
    subject: options.by,
    data: { operation: 'directory:apply', file_digest: options.fileDigest, problem_count: options.problemCount },
  };
}
