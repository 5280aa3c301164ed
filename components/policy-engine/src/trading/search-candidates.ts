import type { Actor, EvaluationRequest, ReserveOutcome, SearchRequest, TransactionFacts } from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { actionsOf, candidatesOf } from '../decision/candidates.ts';
import type { OutsideRequests } from '../decision/information-model.ts';
import { findingOf } from '../decision/limit-finding.ts';
import { questionIn } from '../decision/posed.ts';
import type { Candidates } from '../decision/search.ts';
import { visibleTo } from '../decision/visible.ts';
import type { MandateAnswer } from './mandate-standing.ts';
import { notPermittedReason } from './not-permitted.ts';
import { everythingRevoked } from './revoked.ts';
import type { OutsideDependencies, TradingInput } from './trading-input.ts';

interface SearchCandidatesDependencies extends OutsideDependencies {
  factsFor(resource: EvaluationRequest['resource'], caller: Actor): Promise<TransactionFacts | undefined>;
  mandateStands(input: TradingInput): Promise<MandateAnswer> | undefined;
  readonly limitsOn: OutsideRequests<TradingInput>['limitsOn'];
  inputOf(request: EvaluationRequest, caller: Actor, facts: TransactionFacts | undefined, at: number): TradingInput;
}

/** What is read for an action on a transaction, whoever is to do it: a limit counts for who began the transaction. */
interface Standing extends MandateAnswer {
  readonly withinLimits: boolean;
}

const noMandate: MandateAnswer = { stands: false, mandates: [] };

/**
 * What a search goes through: the caller's own people, services, agents and interfaces (the operator's: everybody's), or
 * the actions that the policies know. All questions of a search are of one moment and one version of the directory; a
 * transaction is read once for all of them, its mandate and its limits once for each action. What a limit stands against
 * is not asked about: an evaluation would deny it.
 */
export function createSearchCandidates(dependencies: SearchCandidatesDependencies) {
  const { clock, directory, operator, pose, factsFor, inputOf, mandateStands, limitsOn } = dependencies;

  return async (
    request: SearchRequest,
    caller: Actor,
    bundle: LoadedBundle,
  ): Promise<Pick<Candidates, 'after' | 'entityVersion'>> => {
    const snapshot = directory.snapshot();
    const at = clock.now();
    const facts = request.kind === 'resource' ? undefined : await factsFor(request.resource, caller);
    const isRevoked = await everythingRevoked(dependencies);
    const standings = new Map<string, Standing>();

    const asOperator = operator !== undefined && caller.institution === operator;
    const ask = (input: TradingInput, { stands, mandates }: MandateAnswer) =>
      isRevoked({ input, holders: { actors: [] }, mandates }) ||
      notPermittedReason(input, caller, asOperator) !== undefined
        ? undefined
        : questionIn(pose({ ...input, context: { ...input.context, mandateStands: stands } }, bundle, snapshot));
    const askStanding = (input: TradingInput, standing: Standing) =>
      standing.withinLimits ? ask(input, standing) : undefined;

    async function readStanding(input: TradingInput) {
      const [mandate = noMandate, withinLimits] = await Promise.all([mandateStands(input), isWithin(limitsOn(input))]);
      const standing = { ...mandate, withinLimits };
      standings.set(input.action, standing);
      return askStanding(input, standing);
    }

    return {
      entityVersion: snapshot.version,
      after: candidatesOf(request, {
        visible: visibleTo(caller, snapshot, operator),
        actions: actionsOf(bundle),
        question(evaluation) {
          const input = inputOf(evaluation, caller, facts, at);
          if (input.resource.type !== 'transaction') return ask(input, noMandate);
          const standing = standings.get(input.action);
          return standing === undefined ? readStanding(input) : askStanding(input, standing);
        },
      }),
    };
  };
}

/** As for an evaluation: an amount that cannot be counted is past every limit. Nothing is reserved. */
async function isWithin(reading: Promise<ReserveOutcome> | undefined): Promise<boolean> {
  return reading === undefined || (await findingOf(reading)).outcome === 'reserved';
}
