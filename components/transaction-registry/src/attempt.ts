import type { ConsentStore, Directory, ExceptionCause, PolicyEngine, TransactionEvent } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { AccountDependencies } from './approvals/account.ts';
import type { AuthenticatorsHeld } from './approvals/standing.ts';
import type { KnownFacts } from './known-facts.ts';
import { type LifeCycle, lifeCycleOf, stateRuleOf, type TransitionRule } from './life-cycles/index.ts';
import type { RegistryLog, Store } from './proof/proven-store.ts';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from './store/store.ts';
import type { TradeStanding } from './trades/trade-standing.ts';
import type { TransitionBody } from './transition-body.ts';
import type { Asked } from './transition-request.ts';

/** Seconds within which somebody is to deal with an exception, by its cause. */
export type ExceptionTimes = Readonly<Partial<Record<ExceptionCause, number>>>;

export interface TransitionDependencies {
  readonly store: Store;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide' | 'limits'>;
  readonly signalsOf?: AccountDependencies['signalsOf'];
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: RegistryLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Our own resource URI, as tokens name it. */
  readonly audience: string;
  /** How long an address of the book waits after its approval at least, in milliseconds; a day where it is left out. */
  readonly addressCoolingOffMs?: number | undefined;
  /** How long an exception may stand before it is overdue, where the default is not wanted. */
  readonly exceptionTimes?: ExceptionTimes;
  /** What becomes of people's authenticators; without it approvals by them do not stand. */
  readonly authenticators?: AuthenticatorsHeld;
}

/** An event that somebody asks for, of a transaction that is locked: none of this changes until it is carried out. */
export interface Attempt {
  readonly asked: Asked;
  readonly cycle: LifeCycle;
  readonly rule: TransitionRule;
  readonly body: TransitionBody;
  readonly transaction: StoredTransaction;
  readonly past: readonly StoredTransition[];
  /** Every approval that was given. */
  readonly given: readonly StoredApproval[];
  /** Those that stand now. */
  readonly approvals: readonly StoredApproval[];
  readonly openExceptions: readonly StoredException[];
  readonly now: number;
  /** It was waited for, and comes too late. */
  readonly late: boolean;
  /** The trades that it follows, locked. */
  readonly trade: TradeStanding;
  readonly known: KnownFacts;
}

/** Whether a step begins, or ends, the counting of its amounts against limits. */
export function countingOf({
  cycle,
  rule,
  transaction,
}: Pick<Attempt, 'cycle' | 'rule' | 'transaction'>): 'begins' | 'ends' | 'unchanged' {
  const before = stateRuleOf(cycle, transaction.state).counts === true;
  const after = stateRuleOf(cycle, rule.to).counts === true;
  if (before === after) return 'unchanged';
  return after ? 'begins' : 'ends';
}

/** Something of it has happened in the world. */
export function isExecuted({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): boolean {
  return stateRuleOf(lifeCycleOf(detail), state).executed === true;
}

/** Whether somebody is waited for to report this event. */
export function isAwaited({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>, event: string): boolean {
  const events: readonly TransactionEvent[] = stateRuleOf(lifeCycleOf(detail), state).awaits?.events ?? [];
  return events.some((awaited) => awaited === event);
}

/**
 * When the risk of a transaction was taken: when its amounts began to count or, where they never do, with its first
 * step. A mandate's hours are for taking risk: what was ordered within them may be settled in the evening.
 */
export function takenAt({ cycle, past, now }: Pick<Attempt, 'cycle' | 'past' | 'now'>): number {
  const ever = Object.values(cycle.states).some(({ counts }) => counts === true);
  const taking = ever ? past.find(({ state }) => stateRuleOf(cycle, state).counts === true) : past[0];
  return taking === undefined ? now : Date.parse(taking.recordedAt);
}
