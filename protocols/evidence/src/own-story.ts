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

/** The record that opens the transaction of the bundle. A second one is reported by the check of the intent. */
export function openingOf(evidence: Evidence): RecordOf<'transaction.opened'> | undefined {
  return recordsOf(ownRecords(evidence), 'transaction.opened')[0];
}

/** The steps of the transaction, in the order of the log. */
export function transitionsOf(evidence: Evidence): readonly RecordOf<'transaction.transitioned'>[] {
  return recordsOf(ownRecords(evidence), 'transaction.transitioned');
}

/** The tokens of the transaction. */
export function ownTokens(evidence: Evidence): readonly RecordOf<'token.issued' | 'token.exchanged'>[] {
  const own = ownRecords(evidence);
  return [...recordsOf(own, 'token.issued'), ...recordsOf(own, 'token.exchanged')];
}

/**
 * All parties in whose name the transaction was opened or who act under a token of its intent: subjects and every actor. A
 * token for a single step does not count, because each participating institution requests its own.
 */
export function initiatorsOf(evidence: Evidence): ReadonlySet<string> {
  const tokens = ownTokens(evidence).filter(({ facts }) => !isForStep(facts.claims));
  const begun = [openingOf(evidence), ...tokens].flatMap((record) =>
    record === undefined ? [] : [record.subject, ...record.actors],
  );
  return new Set([...begun.filter((principal) => principal !== undefined), ...successorsOf(evidence)]);
}

/** The parties responsible at the time of a record: those who opened the transaction, or who later took it over. */
export function responsibleFor(evidence: Evidence, record: BundledRecord): ReadonlySet<string> {
  const initiator = openingOf(evidence)?.subject;
  return new Set([...(initiator === undefined ? [] : [initiator]), ...successorsOf(evidence, record.index)]);
}

/** People who took the transaction over after its initiator had left. */
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

/** Mandates that the transaction may use at a record: the one it was opened under, or its replacement. */
export function mandatesFor(evidence: Evidence, record: BundledRecord): ReadonlySet<string> {
  const opened = openingOf(evidence)?.mandate?.id;
  const fresh = recordsOf(ownRecords(evidence), 'exception.resolved').flatMap(({ index, mandate, facts }) =>
    facts.resolution === 'fresh-mandate' && mandate !== undefined && index < record.index ? [mandate.id] : [],
  );
  return new Set([...(opened === undefined ? [] : [opened]), ...fresh]);
}

/** Authorization details as they are compared; undefined for what is none. */
export function detailsIn(json: Json): readonly AuthorizationDetail[] | undefined {
  const parsed = parseAuthorizationDetails(json);
  return parsed.ok ? parsed.value : undefined;
}

/**
 * Whether a token of a transaction is for one step instead of the intent. The step names the mandate, which may be withheld.
 * The token check compares such a token with its step.
 */
export function isForStep({ txn, mandate }: TokenClaims): boolean {
  return txn !== null && mandate === null;
}

/** The one step that a token is for; undefined where its details are something else. */
export function stepIn(json: Json): GrantedStep | undefined {
  const parsed = parseTokenDetails(json);
  const [detail] = parsed.ok ? parsed.value : [];
  return detail !== undefined && isTransactionStep(detail) ? detail : undefined;
}
