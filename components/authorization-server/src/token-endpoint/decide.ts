import type { Client, Decision, PolicyEngine, ProtocolScope, Resource } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { AuthorizationDetail, Scope } from '@countersign/market';
import type { WorkloadStatement } from '@countersign/spiffe';
import type { Authority } from '../grant-handler.ts';
import { deny } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';
import type { TokenStep, TokenTransaction } from './open-transaction.ts';

export interface TokenQuestion {
  readonly authority: Authority;
  readonly client: Client;
  readonly resource: Resource;
  /** The `aud` of the token. */
  readonly audience: string;
  readonly scopes: ReadonlySet<Scope | ProtocolScope>;
  readonly granted: GrantedDetail | undefined;
  readonly transaction: TokenTransaction | undefined;
  readonly step?: TokenStep | undefined;
  /** The attested software of the client. */
  readonly workload?: WorkloadStatement | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** About the transaction, or otherwise about the interface. */
export function decide(
  question: TokenQuestion,
  { policyEngine }: { readonly policyEngine: Pick<PolicyEngine, 'decide'> },
): Promise<Decision> {
  const { authority, client, resource, audience, scopes, granted, transaction, step, workload, now } = question;
  const { acr, amr, authTime } = authority.authentication;
  const algo = granted === undefined ? undefined : algoOf(granted.detail);
  return policyEngine.decide({
    principal: authority.subject,
    action: 'token:issue',
    resource:
      transaction === undefined
        ? { type: 'resource', uri: resource.uri }
        : { type: 'transaction', facts: transaction.facts },
    context: {
      client: client.id,
      institution: authority.institution,
      at: now,
      scopes: [...scopes],
      audience,
      // Without an intent there is no mandate.
      mandateInForce: transaction !== undefined,
      ...defined({ acr, amr, authTime, device: authority.device, partner: authority.partner, algo }),
      ...(authority.boundTo === undefined || transaction === undefined
        ? {}
        : { boundToIntent: authority.boundTo.includes(transaction.facts.intentDigest) }),
      ...(authority.actors.length === 0 ? {} : { actors: authority.actors }),
      ...(workload === undefined ? {} : { workload: attestedOf(workload) }),
      ...(step === undefined
        ? {}
        : {
            step: {
              transaction: step.transaction,
              events: step.detail.actions,
              onlyCompletes: step.onlyCompletes,
            },
          }),
    },
  });
}

/** A refusal names the transaction if an approval or a step-up would help. @throws CodedError `access_denied` with the first reason */
export function requirePermit(decision: Decision, transaction: Pick<TokenTransaction, 'id'> | undefined): void {
  if (decision.decision) return;
  const [first] = decision.reasons;
  throw deny(first?.code ?? 'policy_denied', first?.detail ?? 'The policies do not permit this token.', {
    decision: decision.id,
    reasons: decision.reasons,
    obligations: decision.obligations,
    ...(transaction === undefined || decision.obligations.length === 0 ? {} : { txn: transaction.id }),
  });
}

/** The members that policies see. */
const attestedOf = ({ level, environment, image, configuration }: WorkloadStatement) => ({
  ...{ level, environment, image },
  ...defined({ configuration }),
});

function algoOf(detail: AuthorizationDetail) {
  const algo = 'algo' in detail ? detail.algo : undefined;
  return algo === undefined
    ? undefined
    : { modelId: algo.model_id, version: algo.version, artifactSha256: algo.artifact_sha256 };
}
