import type { Decision, DecisionInput, Limits, Obligation, PolicyEngine } from '@countersign/contracts';
import {
  type Clock,
  canonicalize,
  compareDecimals,
  type DecimalString,
  digestOf,
  type Json,
  newId,
  parseDecimal,
  type Random,
  type RecordId,
  zero,
} from '@countersign/kernel';
import { viewIntent } from '../../../policy-engine/src/trading/intent-view.ts';

interface SmallPolicyEngine extends Pick<PolicyEngine, 'decide' | 'limits'> {
  /** The questions it was asked, oldest first. */
  readonly asked: readonly DecisionInput[];
  /** From now on everything is denied, and no approval would help. */
  forbid(forbidden: boolean): void;
}

export const supervisorWanted: Obligation = {
  kind: 'approval',
  role: 'supervisor',
  count: 1,
  escalation: [{ role: 'desk-head', afterSeconds: 1_800 }],
};

const parts = [{ part: 'entities.json', digest: digestOf([]), content: [] }];
/** The deciding policies as the record of the publication describes them. */
export const publishedPolicies = {
  version: 1,
  hash: digestOf({ v: 1, parts: parts.map(({ part, digest }) => ({ part, digest })) }),
  parts,
} as const;

/**
 * Orders above a million need a supervisor's approval or, half an hour later, a head of desk's. It follows the contract of
 * the real engine; its limits are real.
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
      const document = questionOf(input);
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
        inputText: canonicalize(document),
        policyRecord: from.policyRecord,
      };
    },
  };
}

/** The input of a decision, as the real engine records it of a transaction. */
function questionOf({ action, principal, resource }: DecisionInput): Json {
  const asked = { v: 1, action, principal: { type: 'Person', id: principal } };
  if (resource.type === 'resource') return { ...asked, resource: { type: 'Resource', id: resource.uri } };
  const { facts } = resource;
  const uid = { type: 'Transaction', id: facts.id };
  const view = viewIntent(facts);
  const decimal = (arg: string | undefined) => (arg === undefined ? {} : { __extn: { fn: 'decimal', arg } });
  const attrs = {
    initiator: facts.initiator,
    intentType: facts.intentType,
    state: facts.state,
    mandate: { __entity: { type: 'Mandate', id: facts.mandate.id } },
    approvals: {},
    ...(view?.currency === undefined ? {} : { currency: view.currency }),
    ...(view?.notional === undefined ? {} : { notional: decimal(view.notional) }),
    ...(view?.quantity === undefined ? {} : { quantity: decimal(view.quantity) }),
  };
  return { ...asked, resource: uid, local: [{ uid, attrs, parents: [] }] };
}
