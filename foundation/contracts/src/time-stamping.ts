import { errorVocabulary } from '@countersign/kernel';

/** A verified time-stamp token (RFC 3161 section 2.4.2) and its contents. */
export interface TimeStamp {
  /** DER of the ContentInfo. */
  readonly token: Uint8Array;
  /** RFC 3339; `genTime` of the token. */
  readonly time: string;
  /** `accuracy` in milliseconds, where the token states it. */
  readonly accuracyMs?: number;
  /** Policy OID of the authority. */
  readonly policy: string;
  /** Serial number in hexadecimal. */
  readonly serial: string;
}

/** Obtains a time stamp for a digest from an external authority or our own. */
export interface TimeStamper {
  /**
   * @param digest SHA-256
   * @throws CodedError `timestamp_unavailable`, `timestamp_refused` (the authority's own words in the detail),
   *   `timestamp_invalid` when the answer does not verify
   */
  stamp(digest: Uint8Array): Promise<TimeStamp>;
}

/**
 * What was time-stamped: `data.thing` of a `timestamp.obtained` record. `data.token` is the DER of the token in base64url. The
 * digest in the token is the SHA-256 of the checkpoint's note, or the record's leaf hash (also a SHA-256).
 */
export type StampedThing =
  | { readonly kind: 'checkpoint'; readonly size: string; readonly checkpoint: string }
  | { readonly kind: 'record'; readonly record: string; readonly leafHash: string };

export const timeStampErrors = errorVocabulary({
  timestamp_unavailable: 'unavailable',
  timestamp_refused: 'unavailable',
  timestamp_invalid: 'unavailable',
  timestamp_request_malformed: 'invalid',
  timestamp_rate_limited: 'rate-limited',
});
