import type { Json } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  type GrantedStep,
  isTransactionStep,
  parseAuthorizationDetails,
  parseTokenDetails,
} from '@countersign/market';
import { type Evidence, ownRecords, recordsOf } from './evidence.ts';
import type { Facts, TokenClaims } from './facts.ts';
import type { BundledRecord } from './record.ts';

export type RecordOf<Kind extends Facts['kind']> = BundledRecord<Extract<Facts, { kind: Kind }>>;

/** The check of the intent reports a second one. */
export function openingOf(evidence: Evidence): RecordOf<'transaction.opened'> | undefined {
  return recordsOf(ownRecords(evidence), 'transaction.opened')[0];
}

export function transitionsOf(evidence: Evidence): readonly RecordOf<'transaction.transitioned'>[] {
  return recordsOf(ownRecords(evidence), 'transaction.transitioned');
}

export function ownTokens(evidence: Evidence): readonly RecordOf<'token.issued' | 'token.exchanged'>[] {
  const own = ownRecords(evidence);
  return [...recordsOf(own, 'token.issued'), ...recordsOf(own, 'token.exchanged')];
}

/** Tokens for a single step do not count: each participating institution requests its own. */
export function initiatorsOf(evidence: Evidence): ReadonlySet<string> {
  const tokens = ownTokens(evidence).filter(({ facts }) => !isForStep(facts.claims));
  const starters = [openingOf(evidence), ...tokens].flatMap((record) =>
    record === undefined ? [] : [record.subject, ...record.actors],
  );
  return new Set([...starters.filter((principal) => principal !== undefined), ...successorsOf(evidence)]);
}

/** Those who opened the transaction, or took it over later. */
export function responsibleFor(evidence: Evidence, record: BundledRecord): ReadonlySet<string> {
  const initiator = openingOf(evidence)?.subject;
  return new Set([...(initiator === undefined ? [] : [initiator]), ...successorsOf(evidence, record.index)]);
}

function successorsOf(evidence: Evidence, before?: bigint): readonly string[] {
  return recordsOf(ownRecords(evidence), 'exception.resolved').flatMap(({ index, subject, facts }) =>
    facts.resolution === 'accepted' &&
    facts.cause === 'departure' &&
    subject !== undefined &&
    (before === undefined || index < before)
      ? [subject]
      : [],
  );
}

/** The mandate it was opened under, or its replacement. */
export function mandatesFor(evidence: Evidence, record: BundledRecord): ReadonlySet<string> {
  const opened = openingOf(evidence)?.mandate?.id;
  const fresh = recordsOf(ownRecords(evidence), 'exception.resolved').flatMap(({ index, mandate, facts }) =>
    facts.resolution === 'fresh-mandate' && mandate !== undefined && index < record.index ? [mandate.id] : [],
  );
  return new Set([...(opened === undefined ? [] : [opened]), ...fresh]);
}

export function detailsIn(json: Json): readonly AuthorizationDetail[] | undefined {
  const parsed = parseAuthorizationDetails(json);
  return parsed.ok ? parsed.value : undefined;
}

/** A token for one step instead of the intent has no mandate of its own; its step names one. */
export function isForStep({ txn, mandate }: TokenClaims): boolean {
  return txn !== null && mandate === null;
}

export function stepIn(json: Json): GrantedStep | undefined {
  const parsed = parseTokenDetails(json);
  const [detail] = parsed.ok ? parsed.value : [];
  return detail !== undefined && isTransactionStep(detail) ? detail : undefined;
}
