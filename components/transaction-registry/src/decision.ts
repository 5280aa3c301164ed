import { type Decision, obligationJson, type PolicyEngine, transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { factsOf } from './facts.ts';
import type { OrderTransaction } from './order.ts';
import type { TransitionRule } from './state-machine.ts';
import type { StoredApproval } from './store.ts';
import type { Asked } from './transition-request.ts';

/**
 * Asks the policies about who began the transaction: after execution too, what may have lapsed is their authority.
 * The mandates have been checked before.
 */
export async function decideOn(
  {
    transaction,
    asked,
    rule,
    approvals,
    now,
  }: {
    readonly transaction: OrderTransaction;
    readonly asked: Asked;
    readonly rule: TransitionRule;
    readonly approvals: readonly StoredApproval[];
    readonly now: number;
  },
  { policyEngine, audience }: { readonly policyEngine: Pick<PolicyEngine, 'decide'>; readonly audience: string },
): Promise<Decision> {
  const { algo } = transaction.detail;
  return policyEngine.decide({
    principal: transaction.initiator,
    action: rule.scope,
    resource: { type: 'transaction', facts: factsOf(transaction, approvals) },
    context: {
      client: asked.by.client,
      institution: asked.institution,
      at: now,
      scopes: [rule.scope],
      audience,
      actorDepth: 0,
      mandateStands: true,
      ...(algo === undefined
        ? {}
        : { algo: { modelId: algo.model_id, version: algo.version, artifactSha256: algo.artifact_sha256 } }),
    },
  });
}

/** What a decision against the transition tells the caller: what is missing, where something would help. */
export function decisionFault({ decision, obligations, reasons }: Decision): CodedError | undefined {
  if (decision) return undefined;
  const detail = reasons.map((reason) => reason.detail).join(' ') || 'No policy permits it.';
  return obligations.length > 0
    ? transactionErrors.error('approval_required', detail, {
        facts: { obligations: obligations.map(obligationJson), reasons },
      })
    : transactionErrors.error('transition_not_permitted', detail, { facts: { reasons } });
}
