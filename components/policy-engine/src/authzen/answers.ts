import type { Decision, RecordedAnswer, RefusedEvaluation, SearchAnswer } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { obligationsOf } from './obligations.ts';

/** Who reads the answer, as far as it depends on that. */
export interface Reader {
  /** May read the policies: is told which of them decided, and how. */
  readonly administrator: boolean;
  /** Obligations that the enforcement point can carry out; undefined when it does not say. */
  readonly supportedObligations?: ReadonlySet<string> | undefined;
}

/**
 * A decision (AuthZEN 1.0 section 5.5). Beside what the specification names, its context has `id` of the decision,
 * `evidence` (its record in the audit log), `policy`, `entity_version` and, for programs, `reasons` with their codes.
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
      id: answer.id,
      evidence: answer.recordId,
      policy: { version, hash, determining },
      entity_version: answer.entityVersion,
      reasons,
      ...(answer.decision ? {} : { reason_user: { 403: reasons.map(({ detail }) => detail).join(' ') } }),
      ...(reader.administrator && !answer.decision ? { reason_admin: { 403: forAdministrators(answer) } } : {}),
      ...(obligations.length === 0 ? {} : { obligations }),
    },
  };
}

/** The found (AuthZEN 1.0 section 8.3), `page` first so that a reader can show how much is to come. */
export function searchAnswer(answer: SearchAnswer): Readonly<Record<string, Json>> {
  const { results, nextToken, policyVersion: version, policyHash: hash, entityVersion, recordId } = answer;
  return {
    page: { next_token: nextToken, count: results.length },
    context: { evidence: recordId, policy: { version, hash }, entity_version: entityVersion },
    results,
  };
}

/** Policy ids, codes and faults: what helps those who keep the policies, and tells a stranger how they are made. */
function forAdministrators({ determining, errors, reasons, policyVersion }: Decision): string {
  const decided = determining.length === 0 ? 'no policy permits it' : `denied by ${determining.join(', ')}`;
  const codes = reasons.map(({ code }) => code).join(', ');
  const faults = errors.map(({ policyId, message }) => `${policyId} failed: ${message}`);
  return [`Policy version ${policyVersion}: ${decided} (${codes}).`, ...faults].join(' ');
}
