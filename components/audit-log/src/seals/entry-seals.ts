import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';

/** A process of the installation appended this leaf at this place under this id. */
export interface SealedPlace {
  readonly index: bigint;
  readonly leafHash: Buffer;
  readonly recordId: string;
}

/** A database role can insert rows but cannot make seals: their key is derived from a secret outside the database. */
export interface EntrySeals {
  seal(place: SealedPlace): Buffer;
  isSealed(place: SealedPlace, seal: Buffer | null): boolean;
  sealStanding(standing: SealedStanding): Buffer;
  isSealedStanding(standing: SealedStanding, seal: Buffer | null): boolean;
  /** Seals how far a follower of the log has come. @param name of the follower */
  sealMark(name: string, mark: string): Buffer;
  isSealedMark(name: string, mark: string, seal: Buffer | null): boolean;
}

export interface SealedStanding {
  readonly subject: string;
  readonly index: bigint;
  readonly digest: Buffer | null;
}

/** @param key 32 bytes, the same on every node @param origin keeps seals of another log under the same key invalid */
export function createEntrySeals({ key, origin }: { readonly key: Uint8Array; readonly origin: string }): EntrySeals {
  const keyOf = (use: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), `${use}\n${origin}`, 32));
  const [entryKey, standingKey, markKey] = [keyOf('entry-seal'), keyOf('standing-seal'), keyOf('mark-seal')];

  // Fixed lengths come first, so that each place gives its own message.
  const seal = ({ index, leafHash, recordId }: SealedPlace): Buffer =>
    createHmac('sha256', entryKey).update(placeOf(index)).update(leafHash).update(recordId).digest();
  const sealStanding = ({ index, digest, subject }: SealedStanding): Buffer =>
    createHmac('sha256', standingKey)
      .update(placeOf(index))
      .update(digest ?? ended)
      .update(subject)
      .digest();
  const sealMark = (name: string, mark: string): Buffer =>
    createHmac('sha256', markKey).update(`${name}\n${mark}`).digest();
  return {
    seal,
    isSealed: (place, stored) => isSame(stored, () => seal(place)),
    sealStanding,
    isSealedStanding: (standing, stored) => isSame(stored, () => sealStanding(standing)),
    sealMark,
    isSealedMark: (name, mark, stored) => isSame(stored, () => sealMark(name, mark)),
  };
}

/** No known data has a digest of zeros. */
const ended = Buffer.alloc(32);

function placeOf(index: bigint): string {
  return index.toString(16).padStart(16, '0');
}

function isSame(stored: Buffer | null, expected: () => Buffer): boolean {
  return stored?.length === 32 && timingSafeEqual(stored, expected());
}

export function forgedEntry(index: bigint): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `The audit log has an entry at ${index} that no process of this installation appended: it has no valid seal. Somebody wrote ` +
      'to the database directly. Nothing is signed or released. Keep a copy of the database as evidence, find out who has the ' +
      "password of the log's database role and replace it, remove the entry as the owner of the database, then start again.",
  );
}

export function forgedStanding({ subject, index }: Pick<SealedStanding, 'subject' | 'index'>): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `The audit log has a standing of ${subject} at ${index} that no process of this installation wrote: it has no valid seal. Somebody ` +
      'wrote to the database directly. Nothing is signed or released. Keep a copy of the database as evidence, find out who has ' +
      "the password of the log's database role and replace it, remove the row as the owner of the database, then start again.",
  );
}

/** @param what was changed @param repair SQL for the owner of the database */
export function forgedMark(what: string, repair: string): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `${what} in the database of the audit log is not what a process of this installation wrote there. Somebody wrote to the ` +
      'database directly, and records may be hidden from searches. Nothing is signed or released. Keep a copy of the database as ' +
      `evidence, find out who has the password of the log's database role and replace it, have it written again (as the owner of ` +
      `the database, in the schema audit_log: ${repair}), then start again.`,
  );
}
