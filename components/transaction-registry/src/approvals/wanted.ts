import type { Mandate, TransactionState } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import {
  type LifeCycle,
  lifeCycleOf,
  type NextStep,
  nextSteps,
  partiesByPart,
  stepsOf,
  type TransitionRule,
} from '../life-cycles/index.ts';
import type { AwaitedApprovals } from '../store/awaiting.ts';
import type { StoredTransaction } from '../store/store.ts';

export interface Wanted {
  readonly role: string;
  readonly count: number;
  readonly institution: string;
  /** The approvers belong to a control function and not to the initiator's desk. */
  readonly independent: boolean;
  /** Can only be given after all entries listed before it. */
  readonly ordered: boolean;
}

type Subject = Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>;
type Demanding = { readonly constraints: Pick<Mandate['constraints'], 'approvals'> };

/** The approvals that the rule of a step requires, in its order; a part that several institutions have counts for each. */
export function wantedByRule({ approvals = [] }: TransitionRule, transaction: Subject): readonly Wanted[] {
  const parties = partiesByPart(transaction);
  return approvals.flatMap(({ role, count, institution: part, independent, ordered }) =>
    (parties.get(part) ?? []).map((institution) => ({
      role,
      count,
      institution,
      independent: independent === true,
      ordered: ordered === true,
    })),
  );
}

/**
 * By the rule of the step and its mandates. If both name a role, the higher number counts, not the sum.
 *
 * @param mandates all mandates of the chain
 */
export function wantedFor(
  rule: TransitionRule,
  transaction: Subject,
  mandates: readonly Demanding[],
): readonly Wanted[] {
  if (!takesMandateApprovals(rule, transaction)) return wantedByRule(rule, transaction);
  const demanded = mandates.flatMap(({ constraints: { approvals = [] } }) =>
    approvals.map(({ role, count }) => ({
      role,
      count,
      institution: transaction.initiatorInstitution,
      independent: false,
      ordered: false,
    })),
  );
  return merged([...wantedByRule(rule, transaction), ...demanded]);
}

/**
 * Required once in a life cycle: at the steps with approvals of their own, otherwise where the intent leaves the firm.
 * An approval lasts an hour, and settlement comes days later.
 */
function takesMandateApprovals(rule: TransitionRule, { detail }: Subject): boolean {
  const cycle = lifeCycleOf(detail);
  const own = stepsOf(cycle).some((step) => hasApprovals(step.rule));
  return own ? hasApprovals(rule) : rule.decided && rule.from.includes(cycle.initial);
}

function hasApprovals({ approvals = [] }: Pick<TransitionRule, 'approvals'>): boolean {
  return approvals.length > 0;
}

export function merged(wanted: readonly Wanted[]): readonly Wanted[] {
  const entries = new Map<string, Wanted>();
  for (const one of wanted) {
    const key = `${one.role} ${one.institution}`;
    const known = entries.get(key);
    entries.set(
      key,
      known === undefined
        ? one
        : {
            ...known,
            count: Math.max(known.count, one.count),
            independent: known.independent || one.independent,
            ordered: known.ordered || one.ordered,
          },
    );
  }
  return [...entries.values()];
}

/** Whether a step may require approvals: by its own rule, or because policies decide it and may impose an obligation. */
export function wantsApprovals(rule: Pick<TransitionRule, 'approvals' | 'decided'>): boolean {
  return rule.decided || hasApprovals(rule);
}

export function approvingSteps({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): readonly NextStep[] {
  return nextSteps(lifeCycleOf(detail), state).filter(({ rule }) => wantsApprovals(rule));
}

/** If so, an approver can still withdraw and stop a transaction that has not left the firm. */
export function nextStepNeedsApprovals(cycle: LifeCycle, state: TransactionState): boolean {
  return nextSteps(cycle, state).some(({ rule }) => hasApprovals(rule));
}

/** The key by which people of one role at one institution find the transactions that await their approval. */
export function awaitedKey({ role, institution }: Pick<Wanted, 'role' | 'institution'>): string {
  return `${role}@${institution}`;
}

export function awaitedApprovals(
  transaction: Pick<StoredTransaction, 'detail' | 'state'>,
  wanted: readonly Pick<Wanted, 'role' | 'institution'>[],
): AwaitedApprovals | null {
  if (wanted.length === 0) return null;
  const until = parseInstant(transaction.detail.not_after) ?? null;
  const inTime = approvingSteps(transaction).every(({ rule }) => rule.inTime === true);
  return { keys: [...new Set(wanted.map(awaitedKey))].sort(), until: inTime ? until : null };
}

/** By the rules of the next steps; neither policies nor mandates are asked. */
export function awaitedByRule(
  transaction: Pick<StoredTransaction, 'detail' | 'state' | 'initiatorInstitution'>,
): AwaitedApprovals | null {
  const wanted = approvingSteps(transaction).flatMap(({ rule }) => wantedByRule(rule, transaction));
  return awaitedApprovals(transaction, wanted);
}
