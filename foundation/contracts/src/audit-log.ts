import type { EvidenceBundle } from '@countersign/evidence';
import { type Digest, errorVocabulary, type Json, type RecordId, type TransactionId } from '@countersign/kernel';
import type { RecordStream, RecordStreamQuery } from './record-stream.ts';
import type { RecordType } from './record-types.ts';
import type { LastStandingReader, Standing, StandingLister, StandingReader } from './standing.ts';

export { type RecordType, recordTypes } from './record-types.ts';

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
  /** Source address as our listener saw it. Kept beside the record, as {@link protectedValues} are. */
  readonly address?: string;
  /** Network zone of the listener that it came to. */
  readonly zone?: string;
  /** The device that was used, by its id in the directory. */
  readonly device?: string;
  /** LEI of the partner whose assertion, interface or copy it is about. */
  readonly partner?: string;
  /** The certificate that was shown to us: serial number in hexadecimal, and its `x5t#S256`. */
  readonly certificate?: { readonly serial: string; readonly thumbprint: string };
  /** Digest of the canonical intent (RFC 8785, SHA-256). */
  readonly intent?: Digest;
  readonly payload?: Digest;
  /** How the things that this record is about stand from now on: what their rows are held against when they are used. */
  readonly standing?: readonly Standing[];
  /** Facts of this record type. Plain JSON; no secrets, no personal data. */
  readonly data?: Json;
  /**
   * `data` as JSON text, instead of it, from who has most of it written already: a decision writes its input for the
   * digest, and once is enough. The record is the same.
   */
  readonly dataText?: string;
  /** Members that are told to few: left out of what is given above, and put back for who may read them. */
  readonly protectedValues?: readonly ProtectedValue[];
}

/** `personal`: about a person. `strategy`: what an institution means to trade, and how. */
export type ProtectionKind = 'personal' | 'strategy';

/** A member of a record that stands in the leaf as a salted commitment, and encrypted beside it. */
export interface ProtectedValue {
  /** Where it belongs in the record: JSON pointer (RFC 6901) of object members, e.g. `/data/intent`. */
  readonly path: string;
  readonly kind: ProtectionKind;
  /** Under whose key it is kept: a principal for `personal`, an LEI for `strategy`. */
  readonly subject: string;
  /** The value, or its canonical JSON text (RFC 8785) from who has written that already. */
  readonly value?: Json;
  readonly text?: string;
}

/** What the leaf has of a protected value. */
export interface Commitment {
  readonly kind: ProtectionKind;
  /** Id of the key under which it is kept: one for each subject, region, retention class and year. */
  readonly key: string;
  /** SHA-256 over 32 bytes of salt and the canonical JSON text of the value, in base64url. */
  readonly commitment: string;
  /** SHA-256 of what is kept beside the record, in base64url. */
  readonly ciphertext: string;
}

/** A protected value with the salt that opens its commitment. */
export interface Disclosure {
  readonly record: RecordId;
  readonly path: string;
  /** 32 bytes in base64url. */
  readonly salt: string;
  /** Canonical JSON text. */
  readonly text: string;
}

/**
 * A record as it stands in the log: the leaf is exactly the UTF-8 bytes of its JSON. Read back, protected values are in
 * their places again, as long as they have not been erased.
 */
export interface EvidenceRecord extends Omit<RecordDraft, 'dataText' | 'protectedValues'> {
  /** 2 since records are numbered by their source. */
  readonly v: 1 | 2;
  /** RFC 3339, UTC, set by the log. */
  readonly time: string;
  /** The stream of the process that wrote it, and its number there: from 1, without gaps. Since version 2. */
  readonly stream?: string;
  readonly number?: number;
  /** The newest `clock.measured` record of that process: how good its time was. */
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
  /** The clock is worse than the configured budget, and the policy is to refuse. */
  clock_over_budget: 'unavailable',
  /** Not enough witnesses have cosigned: nothing is published. */
  log_quorum_missing: 'unavailable',
  /** More has been appended than may stand unpublished. */
  log_publication_overdue: 'unavailable',
  /** The file that keeps the newest head outside of the database cannot be read or written, or another process has it. */
  log_guard_unusable: 'unavailable',
  /** The policy of witnesses cannot be read, or cannot be met by this log. */
  log_policy_unusable: 'invalid',
  /** The folder to which the log is published, or a copy of it is kept, cannot be used. */
  log_folder_unusable: 'unavailable',
  /** What was copied is not what was signed. */
  log_copy_unverified: 'unavailable',
  query_malformed: 'invalid',
  /** Many records have some of what is asked, and too few all of it. */
  query_too_wide: 'invalid',
  /** The index by which evidence is found has fallen far behind the log. */
  query_behind: 'unavailable',
  purpose_missing: 'invalid',
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
  /** As the records stand in the log: who has no use for what is told to few does not get it. */
  readonly withheld?: true;
}

/** By what evidence is found. All that is given must hold. */
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
  /** A decision, by its record: the decision itself and whatever rests on it. */
  readonly decision?: RecordId;
  readonly types?: readonly RecordType[];
  /** Records from this moment on, and before that one; milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Exclusive. */
  readonly after?: bigint;
  /** At most 1,000. */
  readonly limit?: number;
}

/** What a bundle tells of what is told to few. */
export interface BundleDisclosure {
  /** As the record of the export says it. */
  readonly kinds: readonly ProtectionKind[];
  /** In words: what the values are wanted for. */
  readonly purpose?: string;
  /**
   * Whether this value may be told to who asks.
   *
   * @param subject under whose key it is kept
   */
  mayBeShown(value: { readonly kind: ProtectionKind; readonly subject: string }, record: EvidenceRecord): boolean;
}

/** A record as it stands in the log: the bytes that were hashed, without what is told to few. */
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
  /** How many a scan of the same range would find, and those that have been pruned since. */
  count(query: Omit<ScanQuery, 'after' | 'limit'>): Promise<number>;
}

/** What reads past records in bulk, with what is told to few. */
export interface RecordStreamer {
  /** Begins to read when the first page is asked for. @throws CodedError as `scan` */
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
   * The newest signed checkpoint (C2SP signed note); covers every record whose append has resolved before the call.
   * Where witnesses are configured it carries their cosignatures.
   *
   * @throws CodedError `log_quorum_missing` when too few of them answer
   */
  checkpoint(): Promise<string>;
  /** The newest checkpoint that was published: nothing is signed for the answer. Undefined before the first. */
  published(): Promise<string | undefined>;
  /** Records by what they are about. Answers from at least all that was appended before the call. */
  query(query: EvidenceQuery): Promise<readonly LogEntry[]>;
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
   * @param disclose which protected values the bundle discloses; none when left out. Recorded with the list.
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
  | { readonly ok: false; readonly reason: string; readonly detail: string; readonly index?: bigint };
