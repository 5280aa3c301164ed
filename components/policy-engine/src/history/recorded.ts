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

/** Types of records that hold a decision, in `data.decision`. */
export const decisionRecordTypes = [
  'decision.made',
  'token.issued',
  'token.exchanged',
  'token.refused',
  'transaction.transitioned',
  'transaction.refused',
] as const satisfies readonly RecordType[];

/** What of a decision is kept beside its record, by the place of each in it, in the order of {@link textsOn}. */
export const decisionValues = ['/data/decision/errors', '/data/decision/input', '/data/decision/reasons'] as const;

/** What of the limits that a step was held to is kept beside its record, in the order of {@link stepTextsOn}. */
export const stepValues = ['/data/facts', '/data/limits'] as const;

/** The texts of a record on a page that was read with {@link decisionValues}, and whatever behind them. */
export function textsOn(page: RecordPage, record: number): RecordTexts {
  const piece = (place: number) => pieceOf(page, record, place, page.ends.length / page.records);
  return { record: piece(0), errors: piece(1), input: piece(2), reasons: piece(3) };
}

/** Of a page that was read with {@link decisionValues} and then {@link stepValues}. */
export function stepTextsOn(page: RecordPage, record: number): StepTexts {
  const pieces = 1 + decisionValues.length + stepValues.length;
  return { facts: pieceOf(page, record, pieces - 2, pieces), limits: pieceOf(page, record, pieces - 1, pieces) };
}

/** A record of the log, as far as its decision goes. */
export interface DecisionRecord {
  readonly id: RecordId;
  /** RFC 3339. */
  readonly time: string;
  /** What is unread of it is null, or a list of nothing. */
  readonly decision: RecordedDecision;
  /** Its members that are kept beside the record and cannot be read, since they were erased or belong to another region. */
  readonly unread: readonly string[];
}

/**
 * The decision that a record holds; undefined where it holds none: a refusal before the policies were asked, or a
 * record from before decisions were recorded with their input.
 *
 * @param record with its protected values in their places, as far as they can be read
 */
export function decisionIn(record: unknown): DecisionRecord | undefined {
  const { id: written, time, data, protected: commitments } = membersOf(record) ?? {};
  const id = parseId('record', written);
  const { decision: read, unread } = withoutUnread(membersOf(memberOf(data, 'decision')) ?? {}, commitments);
  // Its reader looks at every member.
  const decision = readRecordedDecision(read as Json);
  return id === undefined || typeof time !== 'string' || decision === undefined
    ? undefined
    : { id, time, decision, unread };
}

/** Which record it is, and when it was written, from its text. */
export function headOf(text: string): Pick<DecisionRecord, 'id' | 'time'> {
  const { id: written, time } = membersOf(JSON.parse(text)) ?? {};
  const id = parseId('record', written);
  if (id === undefined || typeof time !== 'string') throw new Error('the log holds a record without id or time');
  return { id, time };
}

/** Codes of denies that no policy made, and why none was asked. */
const unasked: ReadonlyMap<string, string> = new Map([
  ['decision_timed_out', 'what the policies judge could not be read in time'],
  [
    'entities_unproven',
    'the stored entities of its model were not those that were recorded, so that the policies were not asked',
  ],
  ['authority_revoked', 'who would act, or the mandate, was revoked, so that the policies were not asked'],
]);

/**
 * Why a decision has no question behind it: nothing that could be asked again. No policy made it; one that gives the same
 * reason has been asked. Undefined where there was a question.
 */
export function neverAsked({
  determining,
  reasons,
}: Pick<RecordedDecision, 'determining' | 'reasons'>): string | undefined {
  if (determining.length > 0) return undefined;
  return reasons.map(({ code }) => unasked.get(code)).find((why) => why !== undefined);
}

/** What the record of a step says of limits, as texts; `''` where it says nothing. */
interface StepTexts {
  /** Of the error, where the step was refused. */
  readonly facts: string;
  readonly limits: string;
}

/**
 * What limits a step of a transaction was held to. Its record has them beside the decision, which the policies alone have
 * made: taken steps in `data.limits`, refused ones in `data.facts`. Undefined where it was held to none that can be read.
 */
export function stepFinding({ facts, limits }: StepTexts): LimitFinding | undefined {
  if (limits !== '') return findingOf('reserved', parsed(limits));
  const readings = facts === '' ? undefined : memberOf(parsed(facts), 'readings');
  const found = readings === undefined ? undefined : findingOf('exceeded', readings);
  const exceeded = found?.readings.filter(isExceeded) ?? [];
  return found === undefined || exceeded.length === 0 ? undefined : { ...found, exceeded };
}

function findingOf(outcome: 'reserved' | 'exceeded', readings: unknown): LimitFinding | undefined {
  // What JSON.parse has made is JSON; its reader looks at every member.
  return readFinding({ outcome, readings: readings as Json, exceeded: [], approvals: [], uncountable: [] });
}

function isExceeded({ used, amount, most, passedBy }: LimitFinding['readings'][number]): boolean {
  const [before, wanted, allowed] = [parseDecimal(used), parseDecimal(amount), parseDecimal(most)];
  if (before === undefined || wanted === undefined || allowed === undefined || passedBy !== undefined) return false;
  return compareDecimals(addDecimals(before, wanted), allowed) > 0;
}
