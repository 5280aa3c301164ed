import type { Decision, Obligation, RecordedAnswer, RefusedEvaluation, SearchAnswer } from '@countersign/contracts';
import { type Json, membersOf } from '@countersign/kernel';
import { noPolicyPermits } from '../decision/judge.ts';
import { type LimitFinding, readFinding, readingInWords } from '../decision/limit-finding.ts';

export interface Reader {
  /** Whether the reader may read policies, and so sees policy texts, errors and the link to the explanation. */
  readonly administrator: boolean;
  readonly record: boolean;
  /** Obligations that the enforcement point supports; undefined if it does not say. */
  readonly supportedObligations?: ReadonlySet<string> | undefined;
}

const evidenceHeader = 'countersign-evidence';
const decisionHeader = 'countersign-decision';
const nothingRecorded = 'none';

/** The records and decisions of the answers, in order, separated by commas. */
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

/** AuthZEN 1.0 section 5.5. Administrators also get the texts of the determining policies and errors, and the path of the explanation. */
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

/** AuthZEN 1.0 section 8.3. @param record whether the body should name the record of the search as well */
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

export const supportedObligations = ['step-up', 'custom'] as const;

/**
 * AuthZEN profile for obligations (draft 1), which has no type for an approval: it is sent as `custom`.
 * @param supported by the enforcement point; others are left out, because it would have to treat them as a deny, which the answer is
 */
export function obligationsOf(obligations: readonly Obligation[], supported?: ReadonlySet<string>): readonly Json[] {
  return obligations
    .map((obligation, index) => ({ id: `obl-${index + 1}`, ...typeAndProperties(obligation) }))
    .filter(({ type }) => supported === undefined || supported.has(type));
}

function typeAndProperties(obligation: Obligation): { readonly type: string; readonly properties: Json } {
  switch (obligation.kind) {
    case 'step-up': {
      const { acr, maxAgeSeconds } = obligation;
      return {
        type: 'step-up',
        properties: { acr_value: acr, ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }) },
      };
    }
    case 'approval': {
      const { role, count, escalation } = obligation;
      return {
        type: 'custom',
        properties: {
          vendor: 'countersign',
          action: 'approval',
          role,
          count,
          escalation: escalation.map(({ role, afterSeconds }) => ({ role, after_seconds: afterSeconds })),
        },
      };
    }
    default:
      return obligation satisfies never;
  }
}

/** Section 6 of the profile: the supported obligations in a request. @returns undefined if the request does not say */
export function readSupportedObligations(context: Readonly<Record<string, Json>> | undefined) {
  const declared = context?.['supported_obligations'];
  if (!Array.isArray(declared)) return undefined;
  return new Set<string>(supportedObligations.filter((type) => declared.includes(type)));
}
