import type { Actor, EvaluationRequest, SearchRequest, TransactionFacts } from '@countersign/contracts';
import { candidatesOf } from '../authzen/candidates.ts';
import type { Candidates } from '../authzen/search.ts';
import { visibleTo } from '../authzen/visible.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { questionIn } from '../decision/posed.ts';
import type { OutsideDependencies, TradingInput } from './trading-input.ts';

interface SearchCandidatesDependencies extends OutsideDependencies {
  factsFor(resource: EvaluationRequest['resource'], caller: Actor): Promise<TransactionFacts | undefined>;
  mandateStands(input: TradingInput): Promise<boolean> | false;
  /** @throws CodedError `evaluation_invalid` */
  inputOf(request: EvaluationRequest, caller: Actor, facts: TransactionFacts | undefined, at: number): TradingInput;
}

/**
 * What a search goes through: the caller's own people, services, agents and interfaces (the operator's: everybody's), or
 * the actions that the policies know. All questions of a search are of one moment and one version of the directory; a
 * transaction is read once for all of them, and its mandate once for each action.
 */
export function createSearchCandidates(dependencies: SearchCandidatesDependencies) {
  const { clock, directory, operator, pose, factsFor, inputOf, mandateStands } = dependencies;

  return async (
    request: SearchRequest,
    caller: Actor,
    bundle: LoadedBundle,
  ): Promise<Pick<Candidates, 'after' | 'entityVersion'>> => {
    const snapshot = directory.snapshot();
    const at = clock.now();
    const facts = request.kind === 'resource' ? undefined : await factsFor(request.resource, caller);
    const standing = new Map<string, boolean>();
    const ask = (input: TradingInput, stands: boolean) =>
      questionIn(pose({ ...input, context: { ...input.context, mandateStands: stands } }, bundle, snapshot));

    async function askMandate(input: TradingInput) {
      const stands = await mandateStands(input);
      standing.set(input.action, stands);
      return ask(input, stands);
    }

    return {
      entityVersion: snapshot.version,
      after: candidatesOf(request, {
        visible: visibleTo(caller, snapshot, operator),
        actions: actionsOf(bundle),
        question(evaluation) {
          const input = inputOf(evaluation, caller, facts, at);
          if (input.resource.type !== 'transaction') return ask(input, false);
          const stands = standing.get(input.action);
          return stands === undefined ? askMandate(input) : ask(input, stands);
        },
      }),
    };
  };
}

/** Actions that somebody can ask for: a group of actions applies to nothing itself. */
function actionsOf({ parsed }: LoadedBundle): readonly string[] {
  return [...parsed.schema.applications].flatMap(([{ type, id }, { principalTypes }]) =>
    type === 'Action' && principalTypes.size > 0 ? [id] : [],
  );
}
