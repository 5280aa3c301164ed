import type { Commitment, EvidenceRecord, RecordDraft, RetentionClass } from '@countersign/contracts';
import type { SealedValue } from '../store/protected-values.ts';

export interface SealedDraft {
  /** The draft as JSON, without protected values and address. */
  readonly json: string;
  /** JSON of the member `protected`, if any. */
  readonly commitments: string | undefined;
  readonly values: readonly SealedValue[];
  /** Restricted values as text, used to compare drafts under one id. Never stored. */
  readonly restricted: string;
}

export type OpenedValue = {
  readonly path: string;
  readonly commitment: Commitment;
  readonly subject: string | undefined;
} & (
  | {
      readonly state: 'open';
      /** 32 bytes. */
      readonly salt: Buffer;
      /** Canonical JSON text (RFC 8785). */
      readonly text: string;
    }
  | { readonly state: 'erased' }
  /** Its key belongs to another region. */
  | { readonly state: 'other_region' }
  /** It differs from the commitment, or is missing although its key exists. */
  | { readonly state: 'altered' }
);

export interface LentKeys {
  readonly keys: ReadonlyMap<string, Uint8Array>;
  readonly forMs: number;
}

/** The leaf has a commitment. The ciphertext is stored beside it, under a key that can be destroyed. */
export interface Protection {
  /** @throws CodedError `record_too_large`, `not_canonicalizable`, `log_unavailable` (no key) */
  seal(draft: RecordDraft, inClass: RetentionClass): Promise<SealedDraft> | SealedDraft;
  restore(records: readonly EvidenceRecord[]): Promise<readonly EvidenceRecord[]>;
  open(records: readonly Pick<EvidenceRecord, 'id' | 'protected'>[]): Promise<readonly (readonly OpenedValue[])[]>;
  /** Keys in use that this node can open, for a thread that opens values itself. */
  lend(ids: ReadonlySet<string>): Promise<LentKeys>;
  /** {@link SealedDraft.restricted} of a stored record; undefined if a value cannot be read. */
  restrictedTextOf(record: EvidenceRecord): Promise<string | undefined>;
  /** The first key that does not open; destroyed keys and keys of other regions are skipped. */
  firstBrokenKey(ids: readonly string[]): Promise<string | undefined>;
}
