import type { Brand } from './brand.ts';
import type { Clock, Random } from './clock.ts';

/** Prefixes of the ids we make. The prefix says what an id names wherever one is met: in a log, a token, a support mail. */
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
/** A durable consent that a client holds: what codes, refresh tokens and access tokens of it point back to. */
export type GrantId = Brand<string, 'GrantId'>;
/** A person's sign-in in one browser. */
export type SessionId = Brand<string, 'SessionId'>;
/** A change of the directory that waits for a second person. */
export type ChangeId = Brand<string, 'ChangeId'>;
/** A policy bundle that waits for a second person. */
export type PolicyCandidateId = Brand<string, 'PolicyCandidateId'>;
/** A run of a policy bundle over recorded decisions. */
export type SimulationId = Brand<string, 'SimulationId'>;

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
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const bodyPattern = /^[0-9a-hjkmnp-tv-z]{26}$/;

/**
 * A new id: prefix, 48 bits of time, 80 bits of randomness in Crockford base 32, e.g.
 * `txn_01k9z3m8q4d6s0v2x5y7a9b1c3`. Ids sort by the millisecond they were made in, which keeps B-tree
 * inserts at the right edge however large the table.
 */
export function newId<Kind extends IdKind>(
  kind: Kind,
  from: { readonly clock: Clock; readonly random: Random },
): IdOf[Kind] {
  let time = from.clock.now();
  let head = '';
  for (let index = 0; index < 10; index++) {
    head = (alphabet[time % 32] ?? '0') + head;
    time = Math.floor(time / 32);
  }
  // 16 characters of 5 bits: 80 bits, two groups of 40.
  const bytes = from.random.bytes(10);
  let tail = '';
  for (let group = 0; group < 2; group++) {
    let value = 0;
    for (let index = 0; index < 5; index++) value = value * 256 + (bytes[group * 5 + index] ?? 0);
    let part = '';
    for (let index = 0; index < 8; index++) {
      part = (alphabet[value % 32] ?? '0') + part;
      value = Math.floor(value / 32);
    }
    tail += part;
  }
  return `${idPrefixes[kind]}_${head}${tail}` as unknown as IdOf[Kind];
}

/** An id of one kind from outside, or undefined when it has not the shape of one. */
export function parseId<Kind extends IdKind>(kind: Kind, text: unknown): IdOf[Kind] | undefined {
  if (typeof text !== 'string') return undefined;
  const prefix = `${idPrefixes[kind]}_`;
  if (!text.startsWith(prefix) || !bodyPattern.test(text.slice(prefix.length))) return undefined;
  return text as unknown as IdOf[Kind];
}
