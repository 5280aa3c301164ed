import type { EvidenceBundle } from '@countersign/evidence';
import { type Digest, errorVocabulary, type Json, type RecordId, type TransactionId } from '@countersign/kernel';

/** What happened. A type is never reused for another meaning; new facts get a new type. */
export const recordTypes = [
  'log.opened',
  'directory.applied',
  'directory.change-proposed',
  'directory.change-approved',
  'directory.change-rejected',
  'directory.departure',
  'directory.departure-completed',
  'partner.profile-registered',
  'policy.proposed',
  'policy.published',
  'policy.rejected',
  'policy.refused',
  'policy.simulated',
  'policy.diverged',
  'mandate.proposed',
  'mandate.accepted',
  'mandate.suspended',
  'mandate.resumed',
  'mandate.revoked',
  'mandate.consented',
  'mandate.amendment-proposed',
  'mandate.amendment-withdrawn',
  'mandate.amended',
  'mandate.expired',
  'mandate.expiring',
  'mandate.copy-compared',
  'mandate.refused',
  'identity.accepted',
  'identity.refused',
  'client.refused',
  'client.registered',
  'client.key-aging',
  'session.started',
  'session.ended',
  'session.refused',
  'session.logout-notified',
  'authorization.pushed',
  'authorization.granted',
  'authorization.refused',
  'backchannel.requested',
  'backchannel.refused',
  'consent.given',
  'consent.denied',
  'grant.changed',
  'grant.revoked',
  'token.issued',
  'token.exchanged',
  'token.refused',
  'token.introspected',
  'token.revoked',
  'decision.made',
  'decision.searched',
  'transaction.opened',
  'transaction.transitioned',
  'transaction.refused',
  'approval.given',
  'approval.refused',
  'approval.withdrawn',
  'envelope.issued',
  'exception.raised',
  'exception.resolved',
  'exception.refused',
  'exception.overdue',
  'access.refused',
  'key.published',
  'key.withdrawn',
  'evidence.exported',
  'event.subscribed',
  'event.unsubscribed',
  'event.delivery-suspended',
] as const;
export type RecordType = (typeof recordTypes)[number];

/** Someone or something that acted, as the record names it. Ids only, never names of people. */
export interface Actor {
  /** A principal id, or `client:` and a client id where no principal is known yet. */
  readonly id: string;
  /** LEI of the institution it acted for. */
  readonly institution?: string;
}

/** The part of a record that its writer supplies. */
export interface RecordDraft {
  /** Chosen by the writer beforehand, so that what is released (a token, a decision) can name its record. */
  readonly id: RecordId;
  readonly type: RecordType;
  /** Name of the writing component. */
  readonly source: string;
  readonly outcome: 'permit' | 'deny' | 'done';
  /** Error code when the outcome is `deny`. */
  readonly reason?: string;
  readonly transaction?: TransactionId;
  /** Records this one rests on (a token on its mandate's acceptance): a bundle carries them too. */
  readonly references?: readonly RecordId[];
  readonly subject?: Actor;
  /** The acting chain, current actor first (RFC 8693 section 4.1). */
  readonly actors?: readonly Actor[];
  readonly client?: string;
  readonly audience?: readonly string[];
  readonly scope?: readonly string[];
  readonly mandate?: { readonly id: string; readonly version: number };
  readonly policy?: { readonly version: number; readonly hash: Digest };
  readonly authentication?: {
    readonly issuer?: string;
    readonly method?: string;
    readonly acr?: string;
    readonly amr?: readonly string[];
    readonly authTime?: number;
  };
  /** Source address as our listener saw it. */
  readonly address?: string;
  /** Digest of the canonical intent (RFC 8785, SHA-256). */
  readonly intent?: Digest;
  readonly payload?: Digest;
  /** Facts of this record type. Plain JSON; no secrets, no personal data. */
  readonly data?: Json;
  /**
   * `data` as JSON text, instead of it, from who has most of it written already: a decision writes its input for the
   * digest, and once is enough. The record is the same.
   */
  readonly dataText?: string;
}

/** A record as it stands in the log: the leaf is exactly the UTF-8 bytes of its JSON. */
export interface EvidenceRecord extends Omit<RecordDraft, 'dataText'> {
  readonly v: 1;
  /** RFC 3339, UTC, set by the log. */
  readonly time: string;
}

export interface RecordReceipt {
  readonly id: RecordId;
  readonly index: bigint;
  readonly time: string;
}

export const auditLogErrors = errorVocabulary({
  log_unavailable: 'unavailable',
  record_too_large: 'invalid',
  record_not_found: 'not-found',
  record_identity_taken: 'conflict',
  transaction_without_records: 'not-found',
  log_inconsistent: 'unavailable',
  checkpoint_unknown: 'invalid',
  bundle_too_large: 'too-large',
});

/** What every component that decides something is given, and nothing more. */
export interface AuditAppender {
  /**
   * Resolves when the record is durable and has its place in the log.
   *
   * Appending the same draft again, id and all, answers with the first receipt.
   *
   * @throws CodedError `log_unavailable` when it could not be made durable, or nobody knows: the caller must then
   *   release nothing. `record_too_large` over 65,535 bytes. `record_identity_taken` when the log holds another
   *   record under this id. `not_canonicalizable` for text with a lone surrogate.
   */
  append(record: RecordDraft): Promise<RecordReceipt>;
}

export interface LogEntry {
  readonly index: bigint;
  readonly record: EvidenceRecord;
}

export interface RecordQuery {
  readonly transaction?: TransactionId;
  readonly type?: RecordType;
  /** Any of these; not together with `type`. */
  readonly types?: readonly RecordType[];
  readonly after?: bigint;
  /** At most 1,000. */
  readonly limit?: number;
}

/** A record as it stands in the log: the bytes that were hashed. */
export interface RawLogEntry {
  readonly index: bigint;
  readonly text: string;
}

/** A stretch of the log, for those who read a great deal of it. */
export interface ScanQuery {
  readonly types: readonly RecordType[];
  /** Records from this moment on, and before that one; milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Exclusive. */
  readonly after?: bigint;
  /** At most 1,000. */
  readonly limit: number;
}

/** What reads past records in bulk. */
export interface RecordScanner {
  /** In the order of the log, unparsed. */
  scan(query: ScanQuery): Promise<readonly RawLogEntry[]>;
  /** How many a scan of the same range would find. */
  count(query: Omit<ScanQuery, 'after' | 'limit'>): Promise<number>;
}

export interface AuditLog extends AuditAppender, RecordScanner {
  /** The newest signed checkpoint (C2SP signed note); covers every record whose append has resolved before the call. */
  checkpoint(): Promise<string>;
  /** The log's verifier key (C2SP vkey). */
  verifierKey(): string;
  find(id: RecordId): Promise<LogEntry | undefined>;
  search(query: RecordQuery): Promise<readonly LogEntry[]>;
  /** The place of the newest record of these types; -1 where there is none. */
  newest(types: readonly RecordType[]): Promise<bigint>;
  proveInclusion(index: bigint, size: bigint): Promise<readonly Uint8Array[]>;
  proveConsistency(from: bigint, to: bigint): Promise<readonly Uint8Array[]>;
  /**
   * Everything recorded for a transaction and what those records rest on, with proofs, in one document.
   * Writes an `evidence.exported` record that lists what belongs into the bundle, so that a later omission shows.
   *
   * @param since a checkpoint note the reader already holds: the bundle then proves the log only grew since.
   */
  exportBundle(request: {
    readonly transaction: TransactionId;
    readonly requester: Actor;
    readonly since?: string;
  }): Promise<EvidenceBundle>;
  /** Recomputes the tree from the entries and compares it with tiles and checkpoints. */
  verify(onProgress?: (done: bigint, of: bigint) => void): Promise<LogVerification>;
}

export type LogVerification =
  | { readonly ok: true; readonly size: bigint; readonly root: string }
  | { readonly ok: false; readonly reason: string; readonly detail: string; readonly index?: bigint };
