import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';

/** The content of a seal: a process of the installation appended this leaf at this place under this id. */
export interface SealedPlace {
  readonly index: bigint;
  readonly leafHash: Buffer;
  readonly recordId: string;
}

/**
 * Seals on rows of the log. A database role can insert rows but cannot make a seal, because the key is derived from a
 * secret that is never in the database.
 */
export interface EntrySeals {
  seal(place: SealedPlace): Buffer;
  /** @param seal as it is stored; null where there is none */
  isSealed(place: SealedPlace, seal: Buffer | null): boolean;
  /** The seal of a standing. */
  sealStanding(standing: SealedStanding): Buffer;
  isSealedStanding(standing: SealedStanding, seal: Buffer | null): boolean;
  /** The seal of a follower's position in the log and its state. @param name of the follower */
  sealMark(name: string, mark: string): Buffer;
  isSealedMark(name: string, mark: string, seal: Buffer | null): boolean;
}

export interface SealedStanding {
  readonly subject: string;
  readonly index: bigint;
  /** Null once it has ended. */
  readonly digest: Buffer | null;
}

/**
 * @param key 32 bytes, the same on every node
 * @param origin of the log, so that seals of another log under the same key are not valid here
 */
export function createEntrySeals({ key, origin }: { readonly key: Uint8Array; readonly origin: string }): EntrySeals {
  const keyOf = (use: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), `${use}\n${origin}`, 32));
  const [entryKey, standingKey, markKey] = [keyOf('entry-seal'), keyOf('standing-seal'), keyOf('mark-seal')];

  // Parts of a fixed length come first, so that no two places give the same message.
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

/** No digest is all zeros, as far as anybody can find. */
const ended = Buffer.alloc(32);

function placeOf(index: bigint): string {
  return index.toString(16).padStart(16, '0');
}

function isSame(stored: Buffer | null, expected: () => Buffer): boolean {
  return stored?.length === 32 && timingSafeEqual(stored, expected());
}

/** The text tells the operator what happened and what to do. */
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

/** @param what has been changed, in words @param repair what makes it be written again: SQL for the owner of the database */
export function forgedMark(what: string, repair: string): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `${what} in the database of the audit log is not what a process of this installation wrote there. Somebody wrote to the ` +
      'database directly, and records may be hidden from searches. Nothing is signed or released. Keep a copy of the database as ' +
      `evidence, find out who has the password of the log's database role and replace it, have it written again (as the owner of ` +
      `the database, in the schema audit_log: ${repair}), then start again.`,
  );
}
