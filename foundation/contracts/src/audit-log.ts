import type { EvidenceBundle, LogFaultReason } from '@countersign/evidence';
import { type Digest, errorVocabulary, type Json, type RecordId, type TransactionId } from '@countersign/kernel';
import type { RecordStream, RecordStreamQuery } from './record-stream.ts';
import type { RecordType } from './record-types.ts';
import type { LastStandingReader, Standing, StandingLister, StandingReader } from './standing.ts';

export { type RecordType, recordTypes } from './record-types.ts';

/** An actor in a record. Ids only, never names of people. */
export interface Actor {
  /** A principal id, or `client:` and a client id when no principal is known yet. */
  readonly id: string;
  /** LEI of the institution it acted for. */
  readonly institution?: string;
}

export interface RecordDraft {
  /** Chosen by the writer in advance, so that a token or decision can name its record. */
  readonly id: RecordId;
  readonly type: RecordType;
  readonly source: string;
  readonly outcome: 'permit' | 'deny' | 'done';
  /** Error code when the outcome is `deny`. */
  readonly reason?: string;
  readonly transaction?: TransactionId;
  /** Records this one depends on (a token on its mandate's acceptance). Evidence bundles include them. */
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
  /** Source address as our listener saw it. Stored beside the record, as {@link protectedValues} are. */
  readonly address?: string;
  /** Network zone of the listener that received the request. */
  readonly zone?: string;
  /** The device that was used, by its directory id. */
  readonly device?: string;
  /** LEI of the partner whose assertion, interface or copy the record is about. */
  readonly partner?: string;
  /** The presented certificate: serial number in hexadecimal, and its `x5t#S256`. */
  readonly certificate?: { readonly serial: string; readonly thumbprint: string };
  /** Digest of the canonical intent (RFC 8785, SHA-256). */
  readonly intent?: Digest;
  readonly payload?: Digest;
  /** New standings of the things this record is about. Their rows are compared with these when they are used. */
  readonly standing?: readonly Standing[];
  /** Facts of this record type. Plain JSON; no secrets, no personal data. */
  readonly data?: Json;
  /** Restricted values. The members above do not contain them; authorized readers get them restored at their paths. */
  readonly protectedValues?: readonly ProtectedValue[];
}

/** `personal`: about a person. `strategy`: about an institution's trading intentions. */
export type ProtectionKind = 'personal' | 'strategy';

/** A restricted value: the leaf contains a salted commitment, and the encrypted value is stored beside it. */
export type ProtectedValue = {
  /** Its place in the record: JSON pointer (RFC 6901) of object members, e.g. `/data/intent`. */
  readonly path: string;
  readonly kind: ProtectionKind;
  /** Whose key encrypts it: a principal for `personal`, an LEI for `strategy`. */
  readonly subject: string;
} & (
  | { readonly value: Json; readonly text?: undefined }
  /** Its canonical JSON text (RFC 8785). */
  | { readonly text: string; readonly value?: undefined }
);

/** The commitment to a restricted value in the leaf. */
export interface Commitment {
  readonly kind: ProtectionKind;
  /** Id of the encryption key: one for each subject, region, retention class and year. */
  readonly key: string;
  /** SHA-256 over 32 bytes of salt and the canonical JSON text of the value, in base64url. */
  readonly commitment: string;
  /** SHA-256 of the ciphertext, in base64url. */
  readonly ciphertext: string;
}

/** A restricted value with the salt of its commitment. */
export interface Disclosure {
  readonly record: RecordId;
  readonly path: string;
  /** 32 bytes in base64url. */
  readonly salt: string;
  /** Canonical JSON text. */
  readonly text: string;
}

/**
 * A record of the log. The leaf is exactly the UTF-8 bytes of its JSON. Reading a record restores its restricted values unless
 * they were erased.
 */
export interface EvidenceRecord extends Omit<RecordDraft, 'protectedValues'> {
  /** Version 2 added the numbering by source. */
  readonly v: 1 | 2;
  /** RFC 3339, UTC, set by the log. */
  readonly time: string;
  /** Stream of the writing process and number in it, from 1 without gaps. Since version 2. */
  readonly stream?: string;
  readonly number?: number;
  /** The newest `clock.measured` record of that process, which states the accuracy of its clock. */
  readonly clock?: string;
  /** By JSON pointer. */
  readonly protected?: Readonly<Record<string, Commitment>>;
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
  /** The clock error exceeds the configured budget, and the policy is to refuse. */
  clock_over_budget: 'unavailable',
  /** Too few witnesses have cosigned, so nothing is published. */
  log_quorum_missing: 'unavailable',
  /** Too many records are waiting for publication. */
  log_publication_overdue: 'unavailable',
  /** The head guard cannot be read or written, or another process uses it. */
  log_guard_unusable: 'unavailable',
  /** The witness policy cannot be read or cannot be satisfied by this log. */
  log_policy_unusable: 'invalid',
  /** The folder for the published log or its copy is unusable. */
  log_folder_unusable: 'unavailable',
  /** The copy differs from the signed log. */
  log_copy_unverified: 'unavailable',
  query_malformed: 'invalid',
  /** Too many records match single conditions of the query and too few match all of them. */
  query_too_wide: 'invalid',
  /** The evidence index is far behind the log. */
  query_behind: 'unavailable',
  purpose_missing: 'invalid',
});

/** The only part of the audit log that a deciding component receives. */
export interface AuditAppender {
  /**
   * Resolves when the record is durable and has its place in the log.
   *
   * Appending an identical draft again, including its id, returns the first receipt.
   *
   * @throws CodedError `log_unavailable` when durability failed or is unknown: the caller must then
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
  /** Any of these types; not together with `type`. */
  readonly types?: readonly RecordType[];
  readonly after?: bigint;
  /** At most 1,000. */
  readonly limit?: number;
  /** Return records without restricted values. */
  readonly withheld?: true;
}

/** An evidence query. All given conditions must match. */
export interface EvidenceQuery {
  readonly transaction?: TransactionId;
  /** A person as subject, actor or approver, by principal id. */
  readonly person?: string;
  /** An agent, service or algorithm, by principal id. */
  readonly agent?: string;
  readonly client?: string;
  readonly mandate?: string;
  /** LEI of a partner. */
  readonly partner?: string;
  /** LEI of the institution that was acted for. */
  readonly institution?: string;
  /** Record of a decision: finds the decision and all records that depend on it. */
  readonly decision?: RecordId;
  readonly types?: readonly RecordType[];
  /** From (inclusive) and until (exclusive), in milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Exclusive. */
  readonly after?: bigint;
  /** At most 1,000. */
  readonly limit?: number;
}

/** Which restricted values an evidence bundle discloses. */
export interface BundleDisclosure {
  /** The kinds named in the record of the export. */
  readonly kinds: readonly ProtectionKind[];
  readonly purpose?: string;
  /**
   * Whether this value may be disclosed to the requester.
   *
   * @param subject whose key encrypts it
   */
  mayBeShown(value: { readonly kind: ProtectionKind; readonly subject: string }, record: EvidenceRecord): boolean;
}

/** The hashed text of a record, without restricted values. */
export interface RawLogEntry {
  readonly index: bigint;
  readonly text: string;
}

/** A range of the log for bulk readers. */
export interface ScanQuery {
  readonly types: readonly RecordType[];
  /** From (inclusive) and until (exclusive), in milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Exclusive. */
  readonly after?: bigint;
  /** At most 1,000. */
  readonly limit: number;
}

export interface RecordScanner {
  /** In log order, unparsed. */
  scan(query: ScanQuery): Promise<readonly RawLogEntry[]>;
  /** Number of records in the range, including pruned ones. */
  count(query: Omit<ScanQuery, 'after' | 'limit'>): Promise<number>;
}

/** Bulk reader of past records with restricted values. */
export interface RecordStreamer {
  /** Starts reading when the first page is requested. @throws CodedError as `scan` */
  stream(query: RecordStreamQuery): Promise<RecordStream>;
}

export interface AuditLog
  extends AuditAppender,
    StandingReader,
    StandingLister,
    LastStandingReader,
    RecordScanner,
    RecordStreamer {
  /**
   * The newest signed checkpoint (C2SP signed note); covers every record whose append resolved before the call.
   * Contains the cosignatures of configured witnesses.
   *
   * @throws CodedError `log_quorum_missing` when too few witnesses answer
   */
  checkpoint(): Promise<string>;
  /** The newest published checkpoint, without signing a new one; undefined before the first. */
  published(): Promise<string | undefined>;
  /** Finds records. Covers at least everything appended before the call. */
  query(query: EvidenceQuery): Promise<readonly LogEntry[]>;
  /** The log's verifier key (C2SP vkey). */
  verifierKey(): string;
  find(id: RecordId): Promise<LogEntry | undefined>;
  search(query: RecordQuery): Promise<readonly LogEntry[]>;
  /** Index of the newest record of these types; -1 when there is none. */
  newest(types: readonly RecordType[]): Promise<bigint>;
  proveInclusion(index: bigint, size: bigint): Promise<readonly Uint8Array[]>;
  proveConsistency(from: bigint, to: bigint): Promise<readonly Uint8Array[]>;
  /**
   * All records of a transaction and the records they depend on, with proofs, in one document.
   * Writes an `evidence.exported` record that lists the contents, so that a later omission is detectable.
   *
   * @param since a checkpoint that the reader already has; the bundle then proves that the log only grew since.
   * @param disclose which restricted values to disclose; none when left out. Recorded with the contents.
   */
  exportBundle(request: {
    readonly transaction: TransactionId;
    readonly requester: Actor;
    readonly since?: string;
    readonly disclose?: BundleDisclosure;
  }): Promise<EvidenceBundle>;
  /** Recomputes the tree from the entries and compares it with tiles and checkpoints. */
  verify(onProgress?: (done: bigint, of: bigint) => void): Promise<LogVerification>;
}

export type LogVerification =
  | { readonly ok: true; readonly size: bigint; readonly root: string }
  | { readonly ok: false; readonly reason: LogFaultReason; readonly detail: string; readonly index?: bigint };
