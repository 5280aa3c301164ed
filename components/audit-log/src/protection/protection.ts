import type { Commitment, EvidenceRecord, RecordDraft, RetentionClass } from '@countersign/contracts';
import type { SealedValue } from '../store/protected-values.ts';

/** A draft split into the public part for the leaf and the restricted values beside it. */
export interface SealedDraft {
  /** The draft as a JSON object, without its protected values and its address. */
  readonly json: string;
  /** The JSON of the member `protected`; undefined where nothing is. */
  readonly commitments: string | undefined;
  readonly values: readonly SealedValue[];
  /** The restricted values as text, used to compare two drafts under one id; never stored. */
  readonly told: string;
}

/** A protected value of a record that is there, as it can be read now. */
export type OpenedValue = {
  readonly path: string;
  readonly commitment: Commitment;
  /** The subject of its key; undefined when the key is unknown here. */
  readonly subject: string | undefined;
} & (
  | {
      readonly state: 'open';
      /** 32 bytes. */
      readonly salt: Buffer;
      /** Canonical JSON text (RFC 8785). */
      readonly text: string;
    }
  /** Its key was destroyed. */
  | { readonly state: 'erased' }
  /** Its key belongs to another region, and this node cannot open it. */
  | { readonly state: 'other_region' }
  /** It differs from the commitment of the record, or is missing although its key exists. */
  | { readonly state: 'altered' }
);

/** Keys by which values can be opened, and for how long. */
export interface LentKeys {
  /** By id: 32 bytes each, in memory of their own. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
  /** Milliseconds after which they have to be forgotten. */
  readonly forMs: number;
}

/**
 * Restricted values: the leaf has a commitment; the ciphertext is stored beside it, under a key that can be destroyed.
 */
export interface Protection {
  /**
   * @throws CodedError `record_too_large`, `not_canonicalizable`; `log_unavailable` when no key can be had: what
   *   cannot be protected is not recorded in the open
   */
  seal(draft: RecordDraft, inClass: RetentionClass): Promise<SealedDraft> | SealedDraft;
  /** Puts protected values back into their places, as far as they can be read. Order is kept. */
  restore(records: readonly EvidenceRecord[]): Promise<readonly EvidenceRecord[]>;
  /** The protected values of each record, in the order of their paths. */
  open(records: readonly Pick<EvidenceRecord, 'id' | 'protected'>[]): Promise<readonly (readonly OpenedValue[])[]>;
  /** Those of these keys that are in use and that this node can open, for a thread of this process that opens values itself. */
  lend(ids: ReadonlySet<string>): Promise<LentKeys>;
  /** {@link SealedDraft.told} of a record that is in the log; undefined where a value can no longer be read. */
  toldBy(record: EvidenceRecord): Promise<string | undefined>;
  /** The first of these keys that cannot be opened as stored; destroyed keys and keys of other regions are skipped. */
  firstBrokenKey(ids: readonly string[]): Promise<string | undefined>;
}
