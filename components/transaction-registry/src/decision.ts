import {
  type Decision,
  obligationJson,
  type PolicyEngine,
  type TransitionRequest,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, defined } from '@countersign/kernel';
import type { Attempt, TransitionDependencies } from './attempt.ts';
import { factsOf } from './facts.ts';

interface Question extends Pick<Attempt, 'rule' | 'transaction' | 'approvals' | 'now' | 'known'> {
  readonly client: string;
  readonly institution: string;
  /** The requester's sign-in. It is used if the requester is the decided principal; otherwise the initiator's sign-in counts. */
  readonly signedIn?: { readonly by: string } & NonNullable<TransitionRequest['authentication']>;
}

interface DecisionDependencies extends Pick<TransitionDependencies, 'audience'> {
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
}

/** About the initiator or the successor, also after execution: it is their authority that may have lapsed. */
export async function decideOn(
  { transaction, rule, approvals, now, known, client, institution, signedIn }: Question,
  { policyEngine, audience }: DecisionDependencies,
): Promise<Decision> {
  const algo = 'algo' in transaction.detail ? transaction.detail.algo : undefined;
  const principal = transaction.carriedBy ?? transaction.initiator;
  const permitted = principal === transaction.initiator ? known.permitted : undefined;
  const { acr, authTime } = (signedIn?.by === principal ? signedIn : permitted) ?? {};
  const device = permitted?.device;
  return policyEngine.decide({
    principal,
    action: rule.scope,
    resource: { type: 'transaction', facts: factsOf(transaction, approvals, known) },
    context: {
      client,
      institution,
      audience,
      at: now,
      scopes: [rule.scope],
      mandateInForce: true,
      ...defined({ acr, authTime, device }),
      ...(algo === undefined
        ? {}
        : { algo: { modelId: algo.model_id, version: algo.version, artifactSha256: algo.artifact_sha256 } }),
    },
  });
}

export function decisionFault({ decision, obligations, reasons }: Decision): CodedError | undefined {
  if (decision) return undefined;
  const detail = reasons.map((reason) => reason.detail).join(' ') || 'No policy permits this step.';
  return obligations.length > 0
    ? transactionErrors.error('approval_required', detail, {
        facts: { obligations: obligations.map(obligationJson), reasons },
      })
    : transactionErrors.error('transition_not_permitted', detail, { facts: { reasons } });
}
