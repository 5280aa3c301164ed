import type { DecisionInput } from '@countersign/contracts';

/**
 * What our own registers say now of who acts, beside the directory and the devices: locks of accounts, risk signals. Only
 * the decision point asks, for every door alike, so that two doors cannot answer from different facts.
 */
export interface StandingFacts {
  /** Names of the signals that stand of a principal, locks among them (`PersonSignals`). Costs a map access. */
  signalsOf(principal: string): readonly string[];
}

const none: readonly string[] = [];

/** The signals of a question, each once: of the principal, and of everybody who acts for them. */
export function signalsOver(
  { principal, context }: Pick<DecisionInput, 'principal' | 'context'>,
  standing: StandingFacts | undefined,
): readonly string[] {
  const { actors = none } = context;
  const own = standing === undefined ? none : standing.signalsOf(principal);
  if (actors.length === 0 || standing === undefined) return own;
  return [...new Set([...own, ...actors.flatMap((actor) => standing.signalsOf(actor))])].sort();
}
