import type { ConsentStore, Directory, ExceptionCause, PolicyEngine, TransactionEvent } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { AccountDependencies, AuthenticatorsHeld } from './approvals/standing.ts';
import type { KnownFacts } from './facts.ts';
import { type LifeCycle, lifeCycleOf, stateRuleOf, type TransitionRule } from './life-cycles/index.ts';
import type { RegistryLog, Store } from './proof/proven-store.ts';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from './store/store.ts';
import type { TradeStanding } from './trades/trade-standing.ts';
import type { Asked, TransitionBody } from './transition-request.ts';

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
  readonly audience: string;
  /** Minimum cooling-off of an address after its approval, in milliseconds; one day by default. */
  readonly addressCoolingOffMs?: number | undefined;
  /** Overrides of the default time after which an exception is overdue. */
  readonly exceptionTimes?: ExceptionTimes;
  readonly authenticators?: AuthenticatorsHeld;
}

/** A requested step of a locked transaction; nothing here changes until the step is taken. */
export interface Attempt {
  readonly asked: Asked;
  readonly cycle: LifeCycle;
  readonly rule: TransitionRule;
  readonly body: TransitionBody;
  readonly transaction: StoredTransaction;
  readonly past: readonly StoredTransition[];
  readonly given: readonly StoredApproval[];
  readonly approvals: readonly StoredApproval[];
  readonly openExceptions: readonly StoredException[];
  readonly now: number;
  readonly late: boolean;
  /** The trades that the intent names, locked. */
  readonly trade: TradeStanding;
  readonly known: KnownFacts;
}

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

export function isExecuted({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): boolean {
  return stateRuleOf(lifeCycleOf(detail), state).executed === true;
}

export function isAwaited({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>, event: string): boolean {
  const events: readonly TransactionEvent[] = stateRuleOf(lifeCycleOf(detail), state).awaits?.events ?? [];
  return events.some((awaited) => awaited === event);
}

/**
 * When its amounts started to count, or its first step if they never do. A mandate's hours limit when risk is taken,
 * not settlement.
 */
export function takenAt({ cycle, past, now }: Pick<Attempt, 'cycle' | 'past' | 'now'>): number {
  const ever = Object.values(cycle.states).some(({ counts }) => counts === true);
  const taking = ever ? past.find(({ state }) => stateRuleOf(cycle, state).counts === true) : past[0];
  return taking === undefined ? now : Date.parse(taking.recordedAt);
}
