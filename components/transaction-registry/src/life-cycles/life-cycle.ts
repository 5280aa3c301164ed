import type { ApproverRole, LifeCycleName, TransactionEvent, TransactionState } from '@countersign/contracts';
import type { AuthorizationDetailType, PartyRole, Scope } from '@countersign/market';

/** The part of an institution in an intent; see `parties-by-part.ts`. */
export type Part =
  | 'initiator'
  | PartyRole
  | 'counterparty'
  | 'giveup'
  | 'ccp'
  | 'clearing-firm'
  | 'repository'
  | 'beneficiary';

export interface MandateNeed {
  readonly actingFor: Part;
  readonly action: Scope;
}

interface ApprovalRequirement {
  readonly role: ApproverRole;
  readonly count: number;
  readonly institution: Part;
  /** Approvers belong to a control function and not to the initiator's desk. */
  readonly independent?: true;
  /** Counts only after every approval listed before it. */
  readonly ordered?: true;
}

/** Separation of duties for the person who takes a step. */
export interface Duties {
  readonly notInitiator?: true;
  readonly notApprover?: true;
  /** A person, not software. */
  readonly person?: true;
  /** Holds an approver role. */
  readonly approver?: true;
}

export interface TransitionRule {
  readonly from: readonly TransactionState[];
  readonly to: TransactionState;
  readonly actors: readonly Part[];
  readonly scope: Scope;
  /** Checked again at the step. None for cancelling, which stays possible if trading is blocked. */
  readonly mandates: readonly MandateNeed[];
  /** The effect of lapsed authority: before execution a refusal is enough; afterwards an exception requires a person to act. */
  readonly onLapse: 'refuse' | 'exception';
  /** Whether the policy engine decides: for actions of an institution, not for reports of events that happened. */
  readonly decided: boolean;
  readonly approvals?: readonly ApprovalRequirement[];
  readonly duties?: Duties;
  /** Limited to what is left of the executed trades that the intent names; see `trades/`. */
  readonly trade?: true;
  /** Whether it is refused once the intent's `not_after` has passed. */
  readonly inTime?: true;
  /** Handling after the deadline: by default the step is taken and an exception is raised. */
  readonly late?: 'accept' | 'refuse';
}

export interface StateRule {
  readonly final?: true;
  /** Its amounts count against the limits of policies and mandates. */
  readonly counts?: true;
  /** An effect outside the registry has happened: the transaction can fail but no longer be cancelled. */
  readonly executed?: true;
  readonly atRest?: true;
  /** Awaited events, with the deadline counted from reaching the state. */
  readonly awaits?: { readonly events: readonly TransactionEvent[]; readonly withinSeconds: number };
}

export interface LifeCycle {
  readonly name: LifeCycleName;
  readonly intentType: AuthorizationDetailType;
  readonly initial: 'intended';
  readonly states: Readonly<Partial<Record<TransactionState, StateRule>>>;
  readonly rules: Readonly<Partial<Record<TransactionEvent, TransitionRule>>>;
}

export const minute = 60;
export const hour = 60 * minute;
export const day = 24 * hour;

/** States that end a transaction without success. */
const endings: ReadonlySet<TransactionState> = new Set(['cancelled', 'rejected', 'expired', 'failed']);

/** Whether a step ends a transaction without success, which needs no trading authority. */
export function endsWithoutSuccess({ to }: Pick<TransitionRule, 'to'>): boolean {
  return endings.has(to);
}

/**
 * Such a step is refused if the initiator or a mandate has been revoked. @param from the rule of the state that the step begins
 * in
 */
export function startsNewRisk({ onLapse, to }: Pick<TransitionRule, 'onLapse' | 'to'>, from: StateRule): boolean {
  return onLapse === 'refuse' && !endsWithoutSuccess({ to }) && from.executed !== true;
}
