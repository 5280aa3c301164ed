import {
  pieceOf,
  type RecordedDecision,
  type RecordPage,
  type RecordType,
  readRecordedDecision,
} from '@countersign/contracts';
import { addDecimals, compareDecimals, type Json, parseDecimal, parseId, type RecordId } from '@countersign/kernel';
import { type LimitFinding, readFinding } from '../decision/limit-finding.ts';
import { memberOf, membersOf, parsed } from './json-members.ts';
import { type RecordTexts, withoutUnread } from './record-reader.ts';

/** Types of records with a decision in `data.decision`. */
export const decisionRecordTypes = [
  'decision.made',
  'token.issued',
  'token.exchanged',
  'token.refused',
  'transaction.transitioned',
  'transaction.refused',
] as const satisfies readonly RecordType[];

/** Paths of the protected values of a decision, in the order of {@link textsOn}. */
export const decisionValues = ['/data/decision/errors', '/data/decision/input', '/data/decision/reasons'] as const;

/** Paths of the protected values about the limits of a step, in the order of {@link stepTextsOn}. */
export const stepValues = ['/data/facts', '/data/limits'] as const;

/** The texts of a record on a page read with {@link decisionValues} first. */
export function textsOn(page: RecordPage, record: number): RecordTexts {
  const piece = (place: number) => pieceOf(page, record, place, page.ends.length / page.records);
  return { record: piece(0), errors: piece(1), input: piece(2), reasons: piece(3) };
}

/** The texts on a page read with {@link decisionValues} and then {@link stepValues}. */
export function stepTextsOn(page: RecordPage, record: number): StepTexts {
  const pieces = 1 + decisionValues.length + stepValues.length;
  return { facts: pieceOf(page, record, pieces - 2, pieces), limits: pieceOf(page, record, pieces - 1, pieces) };
}

export interface DecisionRecord {
  readonly id: RecordId;
  readonly time: string;
  /** Unreadable members are null or empty lists. */
  readonly decision: RecordedDecision;
  /** Protected members that were erased or belong to another region. */
  readonly unread: readonly string[];
}

/** Undefined for a refusal before the policies, or for a record from before decisions had their input. */
export function decisionIn(record: unknown): DecisionRecord | undefined {
  const { id: written, time, data, protected: commitments } = membersOf(record) ?? {};
  const id = parseId('record', written);
  const { decision: read, unread } = withoutUnread(membersOf(memberOf(data, 'decision')) ?? {}, commitments);
  // The reader checks every member.
  const decision = readRecordedDecision(read as Json);
  return id === undefined || typeof time !== 'string' || decision === undefined
    ? undefined
    : { id, time, decision, unread };
}

export function headOf(text: string): Pick<DecisionRecord, 'id' | 'time'> {
  const { id: written, time } = membersOf(JSON.parse(text)) ?? {};
  const id = parseId('record', written);
  if (id === undefined || typeof time !== 'string') throw new Error('a record in the log has no id or time');
  return { id, time };
}

/** Codes of denies that precede the policies, with the reason. */
const unasked: ReadonlyMap<string, string> = new Map([
  ['decision_timed_out', 'the facts could not be read in time, so the policies were not asked'],
  ['entities_unproven', 'the stored entities of its model contradicted their records, so the policies were not asked'],
  ['authority_revoked', 'a participant or the mandate was revoked, so the policies were not asked'],
  ['trading_halted', 'trading was halted, so the policies were not asked'],
]);

/**
 * Why the policies were not asked for this decision; undefined if they were. A policy may use the same code, so the decision must
 * have no determining policies.
 */
export function neverAsked({
  determining,
  reasons,
}: Pick<RecordedDecision, 'determining' | 'reasons'>): string | undefined {
  if (determining.length > 0) return undefined;
  return reasons.map(({ code }) => unasked.get(code)).find((why) => why !== undefined);
}

/** The texts about limits in the record of a step; `''` for an absent value. */
interface StepTexts {
  readonly facts: string;
  readonly limits: string;
}

/**
 * The limit readings of a step, which are separate from its decision: in `data.limits` for a taken step, in `data.facts` for a refused
 * one. Undefined without readable limits.
 */
export function stepFinding({ facts, limits }: StepTexts): LimitFinding | undefined {
  if (limits !== '') return findingOf('reserved', parsed(limits));
  const readings = facts === '' ? undefined : memberOf(parsed(facts), 'readings');
  const found = readings === undefined ? undefined : findingOf('exceeded', readings);
  const exceeded = found?.readings.filter(isExceeded) ?? [];
  return found === undefined || exceeded.length === 0 ? undefined : { ...found, exceeded };
}

function findingOf(outcome: 'reserved' | 'exceeded', readings: unknown): LimitFinding | undefined {
  // The result of JSON.parse is JSON, and its reader checks every member.
  return readFinding({ outcome, readings: readings as Json, exceeded: [], approvals: [], uncountable: [] });
}

function isExceeded({ used, amount, max, overriddenBy }: LimitFinding['readings'][number]): boolean {
  const [before, wanted, allowed] = [parseDecimal(used), parseDecimal(amount), parseDecimal(max)];
  if (before === undefined || wanted === undefined || allowed === undefined || overriddenBy !== undefined) return false;
  return compareDecimals(addDecimals(before, wanted), allowed) > 0;
}
