import {
  type Digest,
  decodeBase64Url,
  derivedId,
  digestOf,
  errorVocabulary,
  type Json,
  type RecordId,
  timeOfId,
} from '@countersign/kernel';

/**
 * The state that a record sets for a thing that carries authority: a session, an authenticator, an approval, a client.
 * An attacker with a component's database role can write any row of that component, but no record. A row therefore carries no
 * authority by itself: it is valid only if the newest record about it agrees (docs/adr/0043).
 */
export interface Standing {
  /** Kind and id, e.g. `session:5f0c...`: printable ASCII without spaces, at most 256 characters. */
  readonly of: string;
  /** Digest of all deciding content of the row; absent once the thing has ended. */
  readonly digest?: Digest;
}

/** The newest record about a thing. */
export interface StandingRecord {
  readonly record: RecordId;
  readonly index: bigint;
  /** Absent when the thing has ended. */
  readonly digest?: Digest;
}

export interface StandingReader {
  /**
   * The newest record about each thing, including every record appended before the call. Things without a record are missing from
   * the answer. One index look-up each, regardless of the log's length.
   *
   * @param things at most 1,000
   * @throws CodedError `log_unavailable`
   */
  standings(things: readonly string[]): Promise<ReadonlyMap<string, StandingRecord>>;
}

/** A thing found by a prefix of its name. */
export interface StandingEntry extends StandingRecord {
  readonly of: string;
}

export interface StandingLister {
  /**
   * Things that have not ended and whose names start with `prefix`, in ascending order.
   *
   * @param page.after name after which the page starts
   * @param page.limit at most 1,000 names are read; the page is shorter when some of them have ended
   * @returns `next`: pass it as `after` when there may be more
   * @throws CodedError `log_unavailable`
   */
  standingsUnder(
    prefix: string,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<{ readonly things: readonly StandingEntry[]; readonly next?: string }>;
}

export interface LastStandingReader {
  /**
   * For each prefix, the thing with the last matching name, according to its newest record; also when it has ended. Prefixes
   * without a match are missing from the answer. One index look-up each, regardless of the log's length.
   *
   * @param prefixes at most 1,000
   * @throws CodedError `log_unavailable`
   */
  lastUnder(prefixes: readonly string[]): Promise<ReadonlyMap<string, StandingEntry>>;
}

export const standingErrors = errorVocabulary({
  /** A row contradicts its newest record. */
  authority_unproven: 'unavailable',
});

/** The standing of a thing that is in force. @param content all deciding content, in plain JSON */
export function standing(of: string, content: Json): Standing {
  return { of, digest: digestOf(content) };
}

export function ended(of: string): Standing {
  return { of };
}

/**
 * Id for the record of a thing's next change, derived from the previous change, so that only one next change can exist. A
 * concurrent or repeated attempt gets `record_identity_taken` and reads the existing record.
 *
 * @param previous the record of the previous change
 */
export function recordIdAfter(of: string, previous: RecordId): RecordId {
  return derivedId('record', timeOfId(previous), tenBytesOf({ of, previous }));
}

/**
 * Id for the record of a command that is carried out once, derived from the command's identity, so that a repetition has the same
 * id.
 */
export function recordIdOfCommand(command: Json): RecordId {
  // The time is not included, because it differs in a repetition.
  return derivedId('record', 0, tenBytesOf({ command }));
}

function tenBytesOf(content: Json): Uint8Array {
  const bytes = decodeBase64Url(digestOf(content));
  if (bytes === undefined) throw new Error('a digest is not in base64url');
  return bytes.subarray(0, 10);
}
