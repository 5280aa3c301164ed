import type { TransactionFacts } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { intentOf } from '@countersign/market';
import type { KnownFacts } from './known-facts.ts';
import { beginsSomething, lifeCycleOf, stateRuleOf } from './life-cycles/index.ts';
import type { StoredApproval, StoredTransaction } from './store/store.ts';

export { standingApprovals } from './approvals/standing.ts';

export function intentJson({ detail }: Pick<StoredTransaction, 'detail'>): Readonly<Record<string, Json>> {
  // A parsed detail is JSON by its schema; its type names members where JSON's has an index.
  return intentOf(detail) as unknown as Readonly<Record<string, Json>>;
}

/** @param approvals the valid ones */
export function factsOf(
  transaction: StoredTransaction,
  approvals: readonly StoredApproval[],
  known: KnownFacts,
): TransactionFacts {
  const { id, state, version, detail, intentDigest, initiator, initiatorInstitution, mandate, carriedBy } = transaction;
  return {
    id,
    state,
    version,
    intentType: detail.type,
    intent: intentJson(transaction),
    intentDigest,
    initiator,
    initiatorInstitution,
    mandate: { id: mandate.id, version: mandate.version },
    approvals: approvals.map(({ approver, role, institution }) => ({ approver, role, institution })),
    ...known,
    ...(carriedBy === undefined || carriedBy === null ? {} : { carriedBy }),
    completingScopes: completingScopes(transaction),
  };
}

/** Scopes whose next steps all complete or reverse what was done: a scope alone does not identify the step. */
function completingScopes({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): readonly string[] {
  const cycle = lifeCycleOf(detail);
  const rules = Object.values(cycle.rules).filter(({ from }) => from.includes(state));
  const here = stateRuleOf(cycle, state);
  const begin = new Set(rules.filter((rule) => beginsSomething(rule, here)).map(({ scope }) => scope));
  return [...new Set(rules.map(({ scope }) => scope))].filter((scope) => !begin.has(scope));
}

/**
 * The institutions that see a transaction from the start; others see it once they have a step to take, see
 * `partiesToAct`.
 */
export function partiesOf({
  detail,
  initiatorInstitution,
}: Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>): readonly string[] {
  const listed = 'parties' in detail ? detail.parties.map(({ lei }) => lei) : [];
  return [...new Set([initiatorInstitution, detail.entity_lei, ...listed])];
}
