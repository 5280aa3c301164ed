import type { Brand } from './brand.ts';
import type { Clock, Random } from './clock.ts';

/** Prefixes of our ids, so that an id is recognisable in a log, a token or a support mail. */
export const idPrefixes = {
  transaction: 'txn',
  mandate: 'mnd',
  record: 'rec',
  decision: 'dec',
  approval: 'apr',
  exception: 'exc',
  token: 'tok',
  profile: 'prf',
  grant: 'grt',
  session: 'ses',
  change: 'chg',
  policyCandidate: 'pol',
  simulation: 'sim',
  subscription: 'sub',
  departure: 'dep',
  stream: 'src',
  authenticator: 'aut',
  recovery: 'rcv',
  incident: 'inc',
  notice: 'ntc',
  enrolment: 'enr',
} as const;
export type IdKind = keyof typeof idPrefixes;

export type TransactionId = Brand<string, 'TransactionId'>;
export type MandateId = Brand<string, 'MandateId'>;
export type RecordId = Brand<string, 'RecordId'>;
export type DecisionId = Brand<string, 'DecisionId'>;
export type ApprovalId = Brand<string, 'ApprovalId'>;
export type ExceptionId = Brand<string, 'ExceptionId'>;
export type TokenId = Brand<string, 'TokenId'>;
export type ProfileId = Brand<string, 'ProfileId'>;
/** A client's durable consent. Its codes, refresh tokens and access tokens refer to it. */
export type GrantId = Brand<string, 'GrantId'>;
/** A person's sign-in in one browser. */
export type SessionId = Brand<string, 'SessionId'>;
export type ChangeId = Brand<string, 'ChangeId'>;
/** A policy bundle awaiting a second person. */
export type PolicyCandidateId = Brand<string, 'PolicyCandidateId'>;
/** A run of a policy bundle over recorded decisions. */
export type SimulationId = Brand<string, 'SimulationId'>;
/** An institution's subscription to events. */
export type SubscriptionId = Brand<string, 'SubscriptionId'>;
/** A principal that leaves or moves, until everything it held has ended. */
export type DepartureId = Brand<string, 'DepartureId'>;
/** The records of one process, from its start to its end. */
export type StreamId = Brand<string, 'StreamId'>;
/** A security key or passkey that one person has registered. */
export type AuthenticatorId = Brand<string, 'AuthenticatorId'>;
/** A recovery, from the report of the loss to the new authenticator. */
export type RecoveryId = Brand<string, 'RecoveryId'>;
/** A declared incident, with its emergency access. */
export type IncidentId = Brand<string, 'IncidentId'>;
/** A notice to a person, through all channels. */
export type NoticeId = Brand<string, 'NoticeId'>;
/** A one-time secret for certificates, and the account that it becomes. */
export type EnrolmentId = Brand<string, 'EnrolmentId'>;

interface IdOf {
  transaction: TransactionId;
  mandate: MandateId;
  record: RecordId;
  decision: DecisionId;
  approval: ApprovalId;
  exception: ExceptionId;
  token: TokenId;
  profile: ProfileId;
  grant: GrantId;
  session: SessionId;
  change: ChangeId;
  policyCandidate: PolicyCandidateId;
  simulation: SimulationId;
  subscription: SubscriptionId;
  departure: DepartureId;
  stream: StreamId;
  authenticator: AuthenticatorId;
  recovery: RecoveryId;
  incident: IncidentId;
  notice: NoticeId;
  enrolment: EnrolmentId;
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const bodyPattern = /^[0-9a-hjkmnp-tv-z]{26}$/;

/**
 * A new id: prefix, 48 bits of time, 80 bits of randomness in Crockford base 32, e.g. `txn_01k9z3m8q4d6s0v2x5y7a9b1c3`. Ids sort
 * by their millisecond, so that B-tree inserts stay at the right edge of the index.
 */
export function newId<Kind extends IdKind>(
  kind: Kind,
  from: { readonly clock: Clock; readonly random: Random },
): IdOf[Kind] {
  // The id of this kind, by its prefix.
  return `${idPrefixes[kind]}_${headOf(from.clock.now())}${tailOf(from.random.bytes(10))}` as unknown as IdOf[Kind];
}

/**
 * An id derived from its content, so that every node computes the same. It sorts with ids of that time.
 *
 * @param time milliseconds since the epoch @param bytes 10, such as the first bytes of a digest
 */
export function derivedId<Kind extends IdKind>(kind: Kind, time: number, bytes: Uint8Array): IdOf[Kind] {
  // The id of this kind, by its prefix.
  return `${idPrefixes[kind]}_${headOf(time)}${tailOf(bytes)}` as unknown as IdOf[Kind];
}

/** Many ids are made within one millisecond. */
let lastHead = { time: -1, text: '' };

/** 48 bits of time in 10 characters. */
function headOf(time: number): string {
  if (lastHead.time === time) return lastHead.text;
  let text = '';
  let rest = time;
  for (let index = 0; index < 10; index++) {
    text = (alphabet[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  lastHead = { time, text };
  return text;
}

const codes = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));

function codeOf(bits: number): number {
  return codes[bits & 31] ?? 0;
}

/** 80 bits in 16 characters: two groups of 40, most significant first. */
function tailOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < 10; at += 5) {
    const a = bytes[at] ?? 0;
    const b = bytes[at + 1] ?? 0;
    const c = bytes[at + 2] ?? 0;
    const d = bytes[at + 3] ?? 0;
    const e = bytes[at + 4] ?? 0;
    text += String.fromCharCode(
      codeOf(a >>> 3),
      codeOf((a << 2) | (b >>> 6)),
      codeOf(b >>> 1),
      codeOf((b << 4) | (c >>> 4)),
      codeOf((c << 1) | (d >>> 7)),
      codeOf(d >>> 2),
      codeOf((d << 3) | (e >>> 5)),
      codeOf(e),
    );
  }
  return text;
}

/** Creation time of an id in milliseconds since the epoch, by the clock of the node that created it. */
export function timeOfId(id: IdOf[IdKind]): number {
  const head = String(id).split('_')[1]?.slice(0, 10) ?? '';
  return [...head].reduce((time, character) => time * 32 + alphabet.indexOf(character), 0);
}

/** Parses an id of one kind; undefined when the format is wrong. */
export function parseId<Kind extends IdKind>(kind: Kind, text: unknown): IdOf[Kind] | undefined {
  if (typeof text !== 'string') return undefined;
  const prefix = `${idPrefixes[kind]}_`;
  if (!text.startsWith(prefix) || !bodyPattern.test(text.slice(prefix.length))) return undefined;
  // The id of this kind, by its prefix.
  return text as unknown as IdOf[Kind];
}
