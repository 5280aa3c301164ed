import type { LifeCycleName, TransactionEvent, TransactionState } from '@countersign/contracts';
import type { AuthorizationDetail, AuthorizationDetailType } from '@countersign/market';
import { addressBook } from './address-book.ts';
import { administration } from './administration.ts';
import { allocation } from './allocation.ts';
import { clearing } from './clearing.ts';
import { collateral } from './collateral.ts';
import type { LifeCycle, StateRule, TransitionRule } from './life-cycle.ts';
import { order } from './order.ts';
import { report } from './report.ts';
import { rfq } from './rfq.ts';
import { settlement } from './settlement.ts';
import { withdrawal } from './withdrawal.ts';

export const lifeCycles: Readonly<Record<LifeCycleName, LifeCycle>> = {
  order,
  rfq,
  allocation,
  clearing,
  settlement,
  collateral,
  withdrawal,
  'address-book': addressBook,
  report,
  administration,
};

const byIntentType = new Map<string, LifeCycle>(
  Object.values(lifeCycles).map((cycle) => [cycle.intentType, cycle] as const),
);

export function lifeCycleOf({ type }: Pick<AuthorizationDetail, 'type'>): LifeCycle {
  return lifeCycleOfType(type);
}

export function lifeCycleOfType(type: AuthorizationDetailType): LifeCycle {
  const cycle = byIntentType.get(type);
  if (cycle === undefined) throw new Error(`there is no life cycle for ${type}`);
  return cycle;
}

export function stateRuleOf(cycle: LifeCycle, state: TransactionState): StateRule {
  return cycle.states[state] ?? {};
}

export interface NextStep {
  readonly event: TransactionEvent;
  readonly rule: TransitionRule;
}

/** The possible next steps in the order of the life cycle; none from a final state. */
export function nextSteps(cycle: LifeCycle, state: TransactionState): readonly NextStep[] {
  return stepsOf(cycle).filter(({ rule }) => rule.from.includes(state));
}

export function stepsOf({ rules }: LifeCycle): readonly NextStep[] {
  // The type of `rules` allows event names as keys only.
  return (Object.entries(rules) as [TransactionEvent, TransitionRule][]).map(([event, rule]) => ({ event, rule }));
}
