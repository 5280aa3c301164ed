import {
  type DirectorySnapshot,
  type Mandate,
  type Person,
  type Principal,
  type TransactionState,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import {
  type LifeCycle,
  lifeCycleOf,
  type NextStep,
  nextSteps,
  partiesByPart,
  stepsOf,
  type TransitionRule,
} from '../life-cycles/index.ts';
import type { AwaitedApprovals } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';

export interface RequiredApproval {
  readonly role: string;
  readonly count: number;
  readonly institution: string;
  /** The approvers belong to a control function and not to the initiator's desk. */
  readonly independent: boolean;
  /** Can only be given after all entries listed before it. */
  readonly ordered: boolean;
}

type Subject = Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>;
type WithApprovalRule = { readonly constraints: Pick<Mandate['constraints'], 'approvals'> };

/** The approvals that the rule of a step requires, in its order; a part that several institutions have counts for each. */
export function requiredByRule({ approvals = [] }: TransitionRule, transaction: Subject): readonly RequiredApproval[] {
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
export function requiredApprovals(
  rule: TransitionRule,
  transaction: Subject,
  mandates: readonly WithApprovalRule[],
): readonly RequiredApproval[] {
  if (!takesMandateApprovals(rule, transaction)) return requiredByRule(rule, transaction);
  const demanded = mandates.flatMap(({ constraints: { approvals = [] } }) =>
    approvals.map(({ role, count }) => ({
      role,
      count,
      institution: transaction.initiatorInstitution,
      independent: false,
      ordered: false,
    })),
  );
  return merged([...requiredByRule(rule, transaction), ...demanded]);
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

export function merged(wanted: readonly RequiredApproval[]): readonly RequiredApproval[] {
  const entries = new Map<string, RequiredApproval>();
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
export function mayRequireApprovals(rule: Pick<TransitionRule, 'approvals' | 'decided'>): boolean {
  return rule.decided || hasApprovals(rule);
}

export function approvingSteps({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): readonly NextStep[] {
  return nextSteps(lifeCycleOf(detail), state).filter(({ rule }) => mayRequireApprovals(rule));
}

/** While it does, an approver can still stop a transaction that has not left the firm by withdrawing. */
export function nextStepNeedsApprovals(cycle: LifeCycle, state: TransactionState): boolean {
  return nextSteps(cycle, state).some(({ rule }) => hasApprovals(rule));
}

/** The key by which people of one role at one institution find the transactions that await their approval. */
export function awaitedKey({ role, institution }: Pick<RequiredApproval, 'role' | 'institution'>): string {
  return `${role}@${institution}`;
}

export function awaitedApprovals(
  transaction: Pick<StoredTransaction, 'detail' | 'state'>,
  wanted: readonly Pick<RequiredApproval, 'role' | 'institution'>[],
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
  const wanted = approvingSteps(transaction).flatMap(({ rule }) => requiredByRule(rule, transaction));
  return awaitedApprovals(transaction, wanted);
}

interface Quorum {
  readonly transaction: Pick<StoredTransaction, 'initiator'> & Partial<Pick<StoredTransaction, 'carriedBy'>>;
  /** Valid approvals in the order given; see `standingApprovals`. */
  readonly approvals: readonly { readonly approver: string; readonly role: string; readonly institution: string }[];
  readonly directory: Pick<DirectorySnapshot, 'principal'>;
}

const controlFunctions: readonly string[] = ['compliance', 'operations', 'risk'];

/** The approvals still missing, with their counts. An ordered entry counts only approvals given after all entries before it. */
export function missingApprovals(wanted: readonly RequiredApproval[], quorum: Quorum): readonly RequiredApproval[] {
  return wanted.flatMap((want, index) => {
    const from = want.ordered ? completeAt(wanted.slice(0, index), quorum) : 0;
    const approvers = new Set(
      quorum.approvals
        .slice(from)
        .filter((approval) => countsFor(want, approval, quorum))
        .map(({ approver }) => approver),
    );
    const count = want.count - approvers.size;
    return count > 0 ? [{ ...want, count }] : [];
  });
}

function completeAt(ahead: readonly RequiredApproval[], quorum: Quorum): number {
  const { approvals } = quorum;
  for (let given = 0; given <= approvals.length; given++)
    if (missingApprovals(ahead, { ...quorum, approvals: approvals.slice(0, given) }).length === 0) return given;
  return approvals.length;
}

/** @returns CodedError `approval_required`, with what is missing as `obligations`; undefined when nothing is */
export function quorumFault(wanted: readonly RequiredApproval[], quorum: Quorum): CodedError | undefined {
  const missing = missingApprovals(wanted, quorum);
  if (missing.length === 0) return undefined;
  return transactionErrors.error('approval_required', `This needs ${missing.map(describeRequired).join(' and ')}.`, {
    facts: {
      obligations: missing.map(({ role, count, institution, independent }) => ({
        kind: 'approval',
        role,
        count,
        institution,
        ...(independent ? { independent } : {}),
        escalation: [],
      })),
      reasons: [],
    },
  });
}

export function countsFor(
  want: Pick<RequiredApproval, 'role' | 'institution' | 'independent'>,
  approval: Quorum['approvals'][number],
  { transaction, directory }: Omit<Quorum, 'approvals'>,
): boolean {
  const { approver, role, institution } = approval;
  if (role !== want.role || institution !== want.institution || approver === transaction.initiator) return false;
  const person = directory.principal(approver);
  if (person?.kind !== 'person') return false;
  const desk = directory.principal(transaction.initiator)?.desk;
  // A desk head approves for their own desk. A desk head without a desk heads several.
  if (role === 'desk-head' && person.desk !== undefined && person.desk !== desk) return false;
  if (!want.independent) return true;
  // If somebody else took the transaction over, their desk must not approve it either.
  const { carriedBy = null } = transaction;
  const theirs = carriedBy === null ? undefined : directory.principal(carriedBy)?.desk;
  return isIndependent(person, role, [desk, theirs]);
}

function isIndependent(person: Person, role: string, desks: readonly Principal['desk'][]): boolean {
  const deals = person.roles.includes('trader');
  return controlFunctions.includes(role) && !deals && (person.desk === undefined || !desks.includes(person.desk));
}

function describeRequired({ role, count, institution, independent }: RequiredApproval): string {
  const of = independent ? `${role}, from a different desk than the initiator,` : role;
  return `${count === 1 ? 'the approval of one person' : `the approvals of ${count} people`} of ${of} at ${institution}`;
}
