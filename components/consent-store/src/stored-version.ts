import type { Mandate } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';

type StoredMandate = Mandate | (Omit<Mandate, 'consents'> & { readonly consents?: undefined });

export interface StoredVersion {
  readonly id: MandateId;
  readonly version: number;
  readonly document: StoredMandate;
}

export interface Seals {
  /**
   * The versions among these that this component sealed; forged rows are treated as missing. Versions from before signing,
   * which contain no consents, are verified by digest only.
   */
  sound(versions: readonly StoredVersion[]): Promise<readonly Mandate[]>;
  /**
   * The newest version of each mandate according to its newest record, even if its row is missing. Mandates without a record
   * are treated as missing.
   * @param heads the highest stored version of each mandate
   * @throws CodedError `log_unavailable`
   */
  newest(ids: readonly MandateId[], heads: readonly StoredVersion[]): Promise<readonly Mandate[]>;
}

/**
 * Versions from before consents were stored contain none: they are read with an empty list, which their digest does not cover.
 */
export function completed(document: StoredMandate): Mandate {
  return document.consents === undefined ? { ...document, consents: [] } : document;
}
