import type { Commitment, EvidenceRecord, RecordDraft, RetentionClass } from '@countersign/contracts';
import type { SealedValue } from '../store/protected-values.ts';

/** A draft taken apart: what the leaf says openly, and what is kept beside it. */
export interface SealedDraft {
  /** The draft as a JSON object, without its protected values and its address. */
  readonly json: string;
  /** The JSON of the member `protected`; undefined where nothing is. */
  readonly commitments: string | undefined;
  readonly values: readonly SealedValue[];
  /** What was protected, as text that is stored nowhere: by it two drafts under one id are told apart. */
  readonly told: string;
}

/** A protected value of a record that is there, as it can be read now. */
export type OpenedValue = {
  readonly path: string;
  readonly commitment: Commitment;
  /** Under whose key it is kept; undefined where the key is not known here. */
  readonly subject: string | undefined;
} & (
  | {
      readonly state: 'open';
      /** 32 bytes. */
      readonly salt: Buffer;
      /** Canonical JSON text (RFC 8785). */
      readonly text: string;
    }
  /** Its key was destroyed, and it with the key. */
  | { readonly state: 'erased' }
  /** Its key is one of another region, which this node cannot open. */
  | { readonly state: 'elsewhere' }
  /** It is not what the record committed to, or it is gone while its key is there. */
  | { readonly state: 'altered' }
);

/** Keys by which values can be opened, and for how long. */
export interface LentKeys {
  /** By id: 32 bytes each, in memory of their own. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
  /** Milliseconds after which they have to be forgotten. */
  readonly forMs: number;
}

/** Keeps what is told to few: in the leaf a commitment, beside it the ciphertext, under a key that can be destroyed. */
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
  /** The first of these keys that does not open as it is stored now; one that is destroyed, or of another region, is none. */
  firstBrokenKey(ids: readonly string[]): Promise<string | undefined>;
}
