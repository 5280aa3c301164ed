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
  mandateInForce(input: TradingInput): Promise<MandateAnswer> | undefined;
  readonly limitsOn: OutsideRequests<TradingInput>['limitsOn'];
  inputOf(request: EvaluationRequest, caller: Actor, facts: TransactionFacts | undefined, at: number): TradingInput;
}

/** Facts of an action on a transaction that are the same for every principal: limits count for the initiator. */
interface Standing extends MandateAnswer {
  readonly withinLimits: boolean;
}

const noMandate: MandateAnswer = { stands: false, mandates: [] };

/**
 * The candidates of a search: the caller's people, services, agents and interfaces (for the operator: all), or the actions in the
 * policies. All questions have one time and one version of the directory. The transaction is read once, its mandate and limits once
 * for each action. Candidates beyond a limit are left out, because an evaluation would deny them.
 */
export function createSearchCandidates(dependencies: SearchCandidatesDependencies) {
  const { clock, directory, operator, pose, factsFor, inputOf, mandateInForce, limitsOn } = dependencies;

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
        : questionIn(pose({ ...input, context: { ...input.context, mandateInForce: stands } }, bundle, snapshot));
    const askStanding = (input: TradingInput, standing: Standing) =>
      standing.withinLimits ? ask(input, standing) : undefined;

    async function readStanding(input: TradingInput) {
      const [mandate = noMandate, withinLimits] = await Promise.all([mandateInForce(input), isWithin(limitsOn(input))]);
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

/** As in an evaluation, an amount that cannot be counted exceeds every limit. Reserves nothing. */
async function isWithin(reading: Promise<ReserveOutcome> | undefined): Promise<boolean> {
  return reading === undefined || (await findingOf(reading)).outcome === 'reserved';
}
