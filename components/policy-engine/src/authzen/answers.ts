import type { Decision, RecordedAnswer, RefusedEvaluation, SearchAnswer } from '@countersign/contracts';
import { type Json, membersOf } from '@countersign/kernel';
import { noPolicyPermits } from '../decision/judge.ts';
import { type LimitFinding, readFinding, readingInWords } from '../decision/limit-finding.ts';
import { obligationsOf } from './obligations.ts';

/** The properties of the reader that affect the answer. */
export interface Reader {
  /** Whether the reader may read policies, and so sees policy texts, errors and the link to the explanation. */
  readonly administrator: boolean;
  /** Whether the body should name the decision and its record as well (`context.record` of the request). */
  readonly record: boolean;
  /** Obligations that the enforcement point supports; undefined if it does not say. */
  readonly supportedObligations?: ReadonlySet<string> | undefined;
}

const evidenceHeader = 'countersign-evidence';
const decisionHeader = 'countersign-decision';
/** Placeholder for a refused evaluation, which has no decision and no record. */
const nothingRecorded = 'none';

/**
 * Headers with the records of the answers and, for evaluations, the ids of the decisions: one for each answer, in order, separated by
 * commas.
 */
export function evidenceHeaders(
  answers: readonly (RecordedAnswer | RefusedEvaluation | SearchAnswer)[],
): Readonly<Record<string, string>> {
  const listed = (idOf: (answer: RecordedAnswer | SearchAnswer) => string | undefined) =>
    answers.map((answer) => ('refused' in answer ? nothingRecorded : (idOf(answer) ?? nothingRecorded))).join(', ');
  return {
    [evidenceHeader]: listed(({ recordId }) => recordId),
    ...(answers.some((answer) => 'results' in answer)
      ? {}
      : { [decisionHeader]: listed((answer) => ('id' in answer ? answer.id : undefined)) }),
  };
}

/**
 * A decision (AuthZEN 1.0 section 5.5). Its context also has `policy`, `entity_version` and `reasons` with codes. Administrators get the
 * texts of the determining policies and errors. On request it has the decision's `id`, its record as `evidence` and, for
 * administrators, the path of its `explanation`.
 */
export function decisionAnswer(answer: RecordedAnswer | RefusedEvaluation, reader: Reader) {
  if ('refused' in answer) {
    const { code, detail } = answer.refused;
    return { decision: false, context: { error: { status: 400, code, message: detail } } };
  }
  const { policyVersion: version, policyHash: hash, determining, reasons } = answer;
  const obligations = obligationsOf(answer.obligations, reader.supportedObligations);
  return {
    decision: answer.decision,
    context: {
      ...(reader.record ? { id: answer.id, evidence: answer.recordId } : {}),
      policy: {
        version,
        hash,
        determining,
        ...(reader.administrator ? { policies: answer.policies, errors: errorsOf(answer) } : {}),
      },
      entity_version: answer.entityVersion,
      reasons,
      ...(answer.decision ? {} : { reason_user: { 403: reasons.map(({ detail }) => detail).join(' ') } }),
      ...(reader.administrator && reader.record ? { explanation: `/policies/decisions/${answer.recordId}` } : {}),
      ...(reader.administrator && !answer.decision ? { reason_admin: { 403: forAdministrators(answer) } } : {}),
      ...(obligations.length === 0 ? {} : { obligations }),
    },
  };
}

/**
 * The results of a search (AuthZEN 1.0 section 8.3), `page` first.
 *
 * @param record whether the body should name the record of the search as well
 */
export function searchAnswer(answer: SearchAnswer, record: boolean): Readonly<Record<string, Json>> {
  const { results, nextToken, policyVersion: version, policyHash: hash, entityVersion, recordId } = answer;
  return {
    page: { next_token: nextToken, count: results.length },
    context: {
      ...(record ? { evidence: recordId } : {}),
      policy: { version, hash },
      entity_version: entityVersion,
    },
    results,
  };
}

function errorsOf({ errors }: Decision): readonly Json[] {
  return errors.map(({ policyId, message }) => ({ policy_id: policyId, message }));
}

/** Policy ids, codes, limits and errors. Only for administrators, because they reveal how the policies work. */
function forAdministrators(denied: RecordedAnswer): string {
  const { errors, input, reasons, policyVersion } = denied;
  const finding = readFinding(membersOf(input)?.['limits']);
  const codes = reasons.map(({ code }) => code).join(', ');
  const stops =
    finding === undefined
      ? []
      : [...finding.uncountable.map(({ detail }) => detail), ...finding.exceeded.map(readingInWords)];
  const faults = errors.map(({ policyId, message }) => `${policyId} failed: ${message}`);
  return [`Policy version ${policyVersion}: ${whoDenied(denied, finding)} (${codes}).`, ...stops, ...faults].join(' ');
}

function whoDenied({ determining, reasons }: Decision, finding: LimitFinding | undefined): string {
  if (determining.length > 0) return `denied by ${determining.join(', ')}`;
  if (reasons[0]?.code === noPolicyPermits.code) return 'no policy permits it';
  // Limits are checked only after a permit.
  return finding === undefined ? 'no policy decided it' : 'the policies permit it, limits do not';
}
