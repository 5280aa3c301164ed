import { lifeCycleOf, type NextStep, nextSteps, type TransitionRule } from '../life-cycles/index.ts';
import type { StoredTransaction } from '../store.ts';

/** Whether a step may want approvals: by its own rule, or because the policies are asked, who may oblige to some. */
export function wantsApprovals({ approvals, decided }: Pick<TransitionRule, 'approvals' | 'decided'>): boolean {
  return decided || (approvals !== undefined && approvals.length > 0);
}

/** The steps that may come next and may want approvals: for these they are taken. */
export function approvingSteps({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): readonly NextStep[] {
  return nextSteps(lifeCycleOf(detail), state).filter(({ rule }) => wantsApprovals(rule));
}
