import type { TransactionState } from '@countersign/contracts';
import { type LifeCycle, lifeCycleOf, type NextStep, nextSteps, type TransitionRule } from '../life-cycles/index.ts';
import type { StoredTransaction } from '../store.ts';

/** Whether a step may want approvals: by its own rule, or because the policies are asked, who may oblige to some. */
export function wantsApprovals({ approvals, decided }: Pick<TransitionRule, 'approvals' | 'decided'>): boolean {
  return decided || (approvals !== undefined && approvals.length > 0);
}

/** The steps that may come next and may want approvals: for these they are taken. */
export function approvingSteps({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): readonly NextStep[] {
  return nextSteps(lifeCycleOf(detail), state).filter(({ rule }) => wantsApprovals(rule));
}

/**
 * Whether a step that comes next cannot do without approvals. Those that stand may then still be taken back, also where
 * an earlier step rested on them: who notices something must be able to stop what has not left the firm.
 */
export function areWantedAgain(cycle: LifeCycle, state: TransactionState): boolean {
  return nextSteps(cycle, state).some(({ rule: { approvals } }) => approvals !== undefined && approvals.length > 0);
}
