import type { EvidenceRecord, RecordDraft, RetentionClass } from '@countersign/contracts';

/** A protected value as it is kept beside its record. */
export interface SealedValue {
  readonly path: string;
  readonly key: string;
  /** Nonce, ciphertext and tag of AES-256-GCM. */
  readonly ciphertext: Buffer;
}

/** A draft taken apart: what the leaf says openly, and what is kept beside it. */
export interface SealedDraft {
  /** The draft as a JSON object, without its protected values and its address. */
  readonly json: string;
  /** The JSON of the member `protected`; undefined where nothing is. */
  readonly commitments: string | undefined;
  readonly values: readonly SealedValue[];
}

/** Keeps what is told to few: in the leaf a commitment, beside it the ciphertext, under a key that can be destroyed. */
export interface Protection {
  /**
   * @throws CodedError `record_too_large`, `not_canonicalizable`; `log_unavailable` when no key can be had: what
   *   cannot be protected is not recorded in the open
   */
  seal(draft: RecordDraft, inClass: RetentionClass): Promise<SealedDraft> | SealedDraft;
  /** Puts protected values back into their places, as far as they have not been erased. Order is kept. */
  restore(records: readonly EvidenceRecord[]): Promise<readonly EvidenceRecord[]>;
}
