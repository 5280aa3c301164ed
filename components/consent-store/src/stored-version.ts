import type { Mandate } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';

type StoredMandate = Mandate | (Omit<Mandate, 'consents'> & { readonly consents?: undefined });

/** A version as the database gives it, under the id and the number that it was asked for by. */
export interface StoredVersion {
  readonly id: MandateId;
  readonly version: number;
  readonly document: StoredMandate;
}

/** Verifies stored versions by signature and log. */
export interface Seals {
  /**
   * Those of the versions that we sealed: what somebody has written past us is as if it were not there. Versions older
   * than signing, which hold no consents either, rest on their digest alone.
   */
  sound(versions: readonly StoredVersion[]): Promise<readonly Mandate[]>;
  /**
   * Of each of these mandates the newest version: the one that its newest record holds, whether it is among the rows yet,
   * or not any more. Those of which there is no record are as if they were not there.
   *
   * @param heads the highest version that is kept of each
   * @throws CodedError `log_unavailable`
   */
  newest(ids: readonly MandateId[], heads: readonly StoredVersion[]): Promise<readonly Mandate[]>;
}

/** Versions made before consents were kept hold none: they are read as an empty list, and their digest does not cover it. */
export function completed(document: StoredMandate): Mandate {
  return document.consents === undefined ? { ...document, consents: [] } : document;
}
