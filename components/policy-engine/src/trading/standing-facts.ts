import type { DecisionInput } from '@countersign/contracts';

/**
 * Active account locks and risk signals from our own registers. Only the decision point reads them, so that all interfaces answer
 * from the same facts.
 */
export interface StandingFacts {
  /** Names of a principal's active signals, including locks (`PersonSignals`). Costs a map access. */
  signalsOf(principal: string): readonly string[];
}

const none: readonly string[] = [];

/** The signals of the principal and of all actors, without duplicates. */
export function signalsOver(
  { principal, context }: Pick<DecisionInput, 'principal' | 'context'>,
  standing: StandingFacts | undefined,
): readonly string[] {
  const { actors = none } = context;
  const own = standing === undefined ? none : standing.signalsOf(principal);
  if (actors.length === 0 || standing === undefined) return own;
  return [...new Set([...own, ...actors.flatMap((actor) => standing.signalsOf(actor))])].sort();
}
