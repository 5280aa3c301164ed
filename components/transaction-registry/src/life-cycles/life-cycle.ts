import type { ApproverRole, LifeCycleName, TransactionEvent, TransactionState } from '@countersign/contracts';
import type { AuthorizationDetailType, PartyRole, Scope } from '@countersign/market';

/**
 * The parts that institutions have in an intent: who began it, the firms that an order lists by their roles, and those
 * that other intents name in a field of their own; see `parties-by-part.ts`.
 *
 * `counterparty`: who is asked for a quote, or stands at the other end of a settlement; `giveup`: the firm an
 * allocation is given up to; `ccp`, `clearing-firm`: of a trade submitted for clearing; `repository`: who takes reports;
 * `beneficiary`: whose an address is.
 */
export type Part =
  | 'initiator'
  | PartyRole
  | 'counterparty'
  | 'giveup'
  | 'ccp'
  | 'clearing-firm'
  | 'repository'
  | 'beneficiary';

/** Whose authority an event rests on, and for what. */
export interface MandateNeed {
  /** Every institution with this part. */
  readonly actingFor: Part;
  readonly action: Scope;
}

/** Approvals that an event cannot do without, whatever the policies say; they may ask for more. */
export interface WantedApprovals {
  readonly role: ApproverRole;
  /** By so many different people, none of whom began the transaction. */
  readonly count: number;
  /** Of which institution the people are. */
  readonly institution: Part;
  /** By a control function: none of the desk of whoever began the transaction. */
  readonly independent?: true;
  /** Counts only when every approval listed before it has been given. */
  readonly ordered?: true;
}

/** What whoever carries out an event may not have done, or must be. */
export interface Duties {
  readonly notInitiator?: true;
  readonly notApprover?: true;
  /** A person, not a machine of its own accord. */
  readonly person?: true;
  /** Somebody who holds a role in which people approve. */
  readonly approver?: true;
}

export interface TransitionRule {
  readonly from: readonly TransactionState[];
  readonly to: TransactionState;
  /** Who reports the event. */
  readonly actors: readonly Part[];
  readonly scope: Scope;
  /** Asked again at the event itself. None for cancelling: it stays possible when trading is blocked. */
  readonly mandates: readonly MandateNeed[];
  /**
   * What lost authority leaves behind (a mandate that lapsed, an entitlement that was lost, an approval that expired):
   * before anything has happened a refusal is enough, afterwards somebody must act.
   */
  readonly onLapse: 'refuse' | 'exception';
  /** Whether the policy engine decides: on what an institution does, not on what a venue reports has happened. */
  readonly decided: boolean;
  readonly approvals?: readonly WantedApprovals[];
  readonly duties?: Duties;
  /** Only within what is left of the executed trades that the intent names; see `trades/`. */
  readonly trade?: true;
  /** Whether it is refused once the intent's `not_after` has passed. */
  readonly inTime?: true;
  /** What becomes of it after the time by which it was awaited; taken, with an exception beside it, when left out. */
  readonly late?: 'accept' | 'refuse';
}

export interface StateRule {
  /** Nothing follows. */
  readonly final?: true;
  /** Its amounts count against the limits of policies and mandates. */
  readonly counts?: true;
  /** Something has happened in the world: it can fail, and can no longer be cancelled. */
  readonly executed?: true;
  /** Nothing is under way: who began it may go, and leaves nothing undone. */
  readonly atRest?: true;
  /** Someone has to be heard of; counted from when the state was reached. */
  readonly awaits?: { readonly events: readonly TransactionEvent[]; readonly withinSeconds: number };
}

/** The whole life of one kind of intent, as data. What is not written here cannot happen. */
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

/** Nothing more comes of it. */
const endings: ReadonlySet<TransactionState> = new Set(['cancelled', 'rejected', 'expired', 'failed']);

/** Whether a step gives up what has not happened, or reports that it did not: that takes no authority to deal. */
export function endsWithout({ to }: Pick<TransitionRule, 'to'>): boolean {
  return endings.has(to);
}

/**
 * Whether a step goes on with what is not done yet. For that, whoever began the transaction and the mandates it was begun
 * under must not be revoked; what was done is carried through, and anything may be ended.
 *
 * @param from the rule of the state that the step begins in
 */
export function beginsSomething({ onLapse, to }: Pick<TransitionRule, 'onLapse' | 'to'>, from: StateRule): boolean {
  return onLapse === 'refuse' && !endsWithout({ to }) && from.executed !== true;
}
