import type { Decision, RecordedAnswer, RefusedEvaluation, SearchAnswer } from '@countersign/contracts';
import { type Json, membersOf } from '@countersign/kernel';
import { noPolicyPermits } from '../decision/judge.ts';
import { type LimitFinding, readFinding, readingInWords } from '../decision/limit-finding.ts';
import { obligationsOf } from './obligations.ts';

/** Who reads the answer, as far as it depends on that. */
export interface Reader {
  /** May read the policies: is told which of them decided and how, what failed, and where the whole explanation is. */
  readonly administrator: boolean;
  /** Wants the decision and its record named in the body as well (`context.record` of the request). */
  readonly record: boolean;
  /** Obligations that the enforcement point can carry out; undefined when it does not say. */
  readonly supportedObligations?: ReadonlySet<string> | undefined;
}

const evidenceHeader = 'countersign-evidence';
const decisionHeader = 'countersign-decision';
/** In the place of an evaluation that was refused: nothing was decided or recorded. */
const nothingRecorded = 'none';

/**
 * The records of the answers in the audit log and, where they are decisions, their ids: one for each answer, in order,
 * separated by commas.
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
 * A decision (AuthZEN 1.0 section 5.5). Beside what the specification names, its context has `policy`, `entity_version`
 * and, for programs, `reasons` with their codes; for administrators also the texts of the policies that decided and what
 * failed, on a permit as well. To a reader who asks for the record it names `id` of the decision, `evidence` (its record in
 * the audit log) and, for administrators, `explanation`: where the decision is taken apart, relative to the decision point.
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
 * The found (AuthZEN 1.0 section 8.3), `page` first so that a reader can show how much is to come.
 *
 * @param record whether the body names the record of the search as well
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

/** Policy ids, codes, limits and faults: what helps those who keep the policies, and tells a stranger how they are made. */
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
  // Limits are asked about what the policies permit, and about nothing else.
  return finding === undefined ? 'no policy decided it' : 'the policies permit it, limits do not';
}
