import type { Decision, DecisionInput, Limits, Obligation, PolicyEngine } from '@countersign/contracts';
import {
  type Clock,
  compareDecimals,
  type DecimalString,
  digestOf,
  newId,
  parseDecimal,
  type Random,
  type RecordId,
  zero,
} from '@countersign/kernel';

export interface SmallPolicyEngine extends Pick<PolicyEngine, 'decide' | 'limits'> {
  /** What it was asked, oldest first. */
  readonly asked: readonly DecisionInput[];
  /** From now on nothing is permitted, and no approval would help. */
  forbid(forbidden: boolean): void;
}

/** What it asks for. */
export const supervisorWanted: Obligation = {
  kind: 'approval',
  role: 'supervisor',
  count: 1,
  escalation: [{ role: 'desk-head', afterSeconds: 1_800 }],
};

const published = { schema: '', policies: [] };
/** What the record of the publication says of the policies that are decided by. */
export const publishedPolicies = { version: 1, hash: digestOf(published), ...published } as const;

/**
 * Orders above a million need a supervisor's approval or, half an hour later, a head of desk's. It decides as the real one promises to; its limits are real.
 */
export function createSmallPolicyEngine(from: {
  readonly clock: Clock;
  readonly random: Random;
  readonly policyRecord: RecordId;
  readonly limits: Limits;
}): SmallPolicyEngine {
  const asked: DecisionInput[] = [];
  let forbidden = false;

  function obligationsOf({ action, resource }: DecisionInput): readonly Obligation[] {
    if (action !== 'order:create' || resource.type !== 'transaction') return [];
    const notional = resource.facts.intent['max_notional'] as { readonly amount: DecimalString };
    const million = parseDecimal('1000000') ?? zero;
    const enough =
      compareDecimals(notional.amount, million) <= 0 ||
      resource.facts.approvals.some(({ role }) => role === 'supervisor' || role === 'desk-head');
    return enough ? [] : [supervisorWanted];
  }

  return {
    asked,
    limits: from.limits,
    forbid(value) {
      forbidden = value;
    },
    async decide(input): Promise<Decision> {
      asked.push(input);
      const document = { action: input.action, principal: input.principal, v: 1 };
      const obligations = forbidden ? [] : obligationsOf(input);
      const decision = !forbidden && obligations.length === 0;
      const reasons = forbidden
        ? [{ code: 'forbidden_for_the_test', detail: 'Nothing is permitted now.' }]
        : obligations.map(() => ({
            code: 'approval_required',
            detail: 'This intent needs the approval of a supervisor.',
          }));
      return {
        id: newId('decision', from),
        decision,
        policyVersion: publishedPolicies.version,
        policyHash: publishedPolicies.hash,
        determining: decision ? ['order'] : [],
        errors: [],
        reasons,
        obligations,
        entityVersion: 1,
        inputDigest: digestOf(document),
        input: document,
        policyRecord: from.policyRecord,
      };
    },
  };
}
