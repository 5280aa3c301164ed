import type {
  AuditLog,
  ConsentStore,
  DecisionInput,
  DecisionReason,
  Directory,
  DirectorySnapshot,
  Limits,
  TransactionRegistry,
} from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Posed, Uid } from '../decision/question.ts';

/** A question of trading. `unknown`: a resource that does not exist, or that the caller may not know of. */
export type TradingInput = Omit<DecisionInput, 'resource' | 'atLeast'> & {
  readonly resource: DecisionInput['resource'] | { readonly type: 'unknown'; readonly uid: Uid };
  readonly refusal?: DecisionReason;
};

/** The sources of facts for requests of enforcement points. */
export interface OutsideDependencies {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  readonly audit: Pick<AuditLog, 'find' | 'standings' | 'standingsUnder'>;
  /** Facts of transactions from the registry; claims of an enforcement point about them are ignored. */
  readonly transactions: Pick<TransactionRegistry, 'facts' | 'parties'>;
  readonly limits: Pick<Limits, 'read'>;
  /** LEI of the operator, which may ask about everything. */
  readonly operator: string | undefined;
  readonly clock: Clock;
  readonly pose: (input: TradingInput, bundle: LoadedBundle, directory?: DirectorySnapshot) => Posed;
}

/**
 * Active account locks and risk signals from our own registers. Only the decision point reads them, so that all interfaces answer
 * from the same facts.
 */
export interface StandingFacts {
  /** Names of a principal's active signals, including locks (`PersonSignals`). Costs a map access. */
  signalsOf(principal: string): readonly string[];
}

const none: readonly string[] = [];

export function signalsOver(
  { principal, context }: Pick<DecisionInput, 'principal' | 'context'>,
  standing: StandingFacts | undefined,
): readonly string[] {
  const { actors = none } = context;
  const own = standing === undefined ? none : standing.signalsOf(principal);
  if (actors.length === 0 || standing === undefined) return own;
  return [...new Set([...own, ...actors.flatMap((actor) => standing.signalsOf(actor))])].sort();
}
