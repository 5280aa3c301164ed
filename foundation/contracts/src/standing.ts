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
 * How a thing that carries authority stands from a record on: a session, an authenticator, an approval, a client.
 *
 * Whoever holds a component's database role can write any row of that component, and no record. A row therefore carries no
 * authority by itself: it counts while the newest record about it says the same (docs/adr/0043).
 */
export interface Standing {
  /** Kind and id, e.g. `session:5f0c...`: printable ASCII without spaces, at most 256 characters. */
  readonly of: string;
  /** Digest of everything in the row that decides; absent once the thing has ended. */
  readonly digest?: Digest;
}

/** The newest record about a thing. */
export interface StandingRecord {
  readonly record: RecordId;
  readonly index: bigint;
  /** Absent: it has ended. */
  readonly digest?: Digest;
}

export interface StandingReader {
  /**
   * The newest record about each thing, including every record appended before the call; a thing that no record is about
   * is not in the answer. One index look-up each, however long the log is.
   *
   * @param things at most 1,000
   * @throws CodedError `log_unavailable`
   */
  standings(things: readonly string[]): Promise<ReadonlyMap<string, StandingRecord>>;
}

/** One of the things whose names begin alike. */
export interface StandingThing extends StandingRecord {
  readonly of: string;
}

export interface StandingLister {
  /**
   * Things whose names begin with `prefix` and that have not ended, ascending by name.
   *
   * @param page.after name to go on behind
   * @param page.limit at most 1,000 names are looked at; fewer things are answered where some have ended
   * @returns `next`: the name to go on behind, where there may be more
   * @throws CodedError `log_unavailable`
   */
  standingsUnder(
    prefix: string,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<{ readonly things: readonly StandingThing[]; readonly next?: string }>;
}

export interface LastStandingReader {
  /**
   * For each prefix, the thing whose name begins with it and comes last in the order of names, by its newest record; one that has
   * ended too. A prefix that no name begins with is not in the answer. One index look-up each, however long the log is.
   *
   * @param prefixes at most 1,000
   * @throws CodedError `log_unavailable`
   */
  lastUnder(prefixes: readonly string[]): Promise<ReadonlyMap<string, StandingThing>>;
}

export const standingErrors = errorVocabulary({
  /** A row says something that its newest record does not say. */
  authority_unproven: 'unavailable',
});

/** What a record says of a thing that stands. @param content all that decides, in plain JSON */
export function standing(of: string, content: Json): Standing {
  return { of, digest: digestOf(content) };
}

/** What a record says of a thing that has ended. */
export function ended(of: string): Standing {
  return { of };
}

/**
 * Id of the record of the next change of a thing. It follows from the change before it, so there can be but one: whoever comes
 * second, or repeats what was interrupted, finds `record_identity_taken` and reads what the record says.
 *
 * @param previous the record of the change before
 */
export function recordIdAfter(of: string, previous: RecordId): RecordId {
  return derivedId('record', timeOfId(previous), tenBytesOf({ of, previous }));
}

/** Id of the record of a command that is carried out once, from what makes it that one: its repetition has the same. */
export function recordIdOfCommand(command: Json): RecordId {
  // No time is part of it, for a repetition has another.
  return derivedId('record', 0, tenBytesOf({ command }));
}

function tenBytesOf(content: Json): Uint8Array {
  const bytes = decodeBase64Url(digestOf(content));
  if (bytes === undefined) throw new Error('a digest is not in base64url');
  return bytes.subarray(0, 10);
}
