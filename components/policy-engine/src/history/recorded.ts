import { type RecordedDecision, type RecordType, readRecordedDecision } from '@countersign/contracts';
import { type Json, parseId, type RecordId } from '@countersign/kernel';
import { memberOf, membersOf } from './json-members.ts';

/** Types of records that hold a decision, in `data.decision`. */
export const decisionRecordTypes = [
  'decision.made',
  'token.issued',
  'token.exchanged',
  'token.refused',
  'transaction.transitioned',
  'transaction.refused',
] as const satisfies readonly RecordType[];

/** A record of the log, as far as its decision goes. */
export interface DecisionRecord {
  readonly id: RecordId;
  /** RFC 3339. */
  readonly time: string;
  readonly decision: RecordedDecision;
}

/**
 * The decision that a record holds; undefined where it holds none: a refusal before the policies were asked, or a
 * record from before decisions were recorded with their input.
 */
export function decisionIn(record: unknown): DecisionRecord | undefined {
  const { id: written, time, data } = membersOf(record) ?? {};
  const id = parseId('record', written);
  const decision = decisionOf(data);
  return id === undefined || typeof time !== 'string' || decision === undefined ? undefined : { id, time, decision };
}

/** The decision in the `data` of a record. */
export function decisionOf(data: unknown): RecordedDecision | undefined {
  return readRecordedDecision(memberOf(data, 'decision') as Json | undefined);
}

/** Which record it is, and when it was written, from its text. */
export function headOf(text: string): Pick<DecisionRecord, 'id' | 'time'> {
  const { id: written, time } = membersOf(JSON.parse(text)) ?? {};
  const id = parseId('record', written);
  if (id === undefined || typeof time !== 'string') throw new Error('the log holds a record without id or time');
  return { id, time };
}

/** Code of a deny that no policy made: what they would have judged could not be read in time. */
const timedOut = 'decision_timed_out';

/**
 * A decision without a question behind it: nothing that could be asked again. No policy made it; one that gives the same
 * reason has been asked.
 */
export function wasNeverAsked({ determining, reasons }: RecordedDecision): boolean {
  return determining.length === 0 && reasons.some(({ code }) => code === timedOut);
}
