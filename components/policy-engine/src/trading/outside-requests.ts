import {
  type Actor,
  type EvaluationRequest,
  kindOfPrincipal,
  parsePrincipalId,
  type ReserveOutcome,
  type SearchRequest,
  type TransactionFacts,
} from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { OutsideRequests } from '../decision/information-model.ts';
import { findingOf } from '../decision/limit-finding.ts';
import { questionIn } from '../decision/question.ts';
import { readAtLeast, readContext } from '../decision/request-context.ts';
import { actionsOf, type Candidates, candidatesOf } from '../decision/search.ts';
import { visibleTo } from '../decision/visible.ts';
import { uidOf } from './entities.ts';
import { checkMandateFor, type MandateAnswer } from './mandate-standing.ts';
import {
  everythingHalted,
  everythingRevoked,
  haltedReason,
  notPermittedReason,
  revokedReason,
  type TokenHolders,
} from './refused-before.ts';
import { type RecordedToken, readToken } from './token-sign-in.ts';
import type { OutsideDependencies, TradingInput } from './trading-input.ts';

const nobody: TokenHolders = { actors: [] };
const none: readonly never[] = [];

/** Steps that can lead to a trade or move collateral, and therefore count against limits. */
const counted: ReadonlySet<string> = new Set(['order:create', 'rfq:accept', 'collateral:transfer']);

export function createOutsideRequests(dependencies: OutsideDependencies): OutsideRequests<TradingInput> {
  const { transactions, consentStore, directory, limits, clock } = dependencies;

  /**
   * The facts of a transaction that the caller is a party to. For any other transaction the result is undefined, so that the caller
   * cannot learn of its existence.
   */
  async function factsFor(
    resource: EvaluationRequest['resource'],
    caller: Actor,
  ): Promise<TransactionFacts | undefined> {
    const id = resource.type === 'transaction' ? parseId('transaction', resource.id) : undefined;
    const facts = id === undefined ? undefined : await transactions.facts(id);
    if (facts === undefined || isOperator(caller, dependencies)) return facts;
    const parties = await transactions.parties(facts.id);
    return caller.institution !== undefined && parties.includes(caller.institution) ? facts : undefined;
  }

  /**
   * Whether the caller may ask about this principal and resource: its own people, its own interfaces, and the initiator's institution
   * of a transaction that it is a party to.
   */
  function isForCaller(principal: string, resource: TradingInput['resource'], caller: Actor): boolean {
    if (isOperator(caller, dependencies)) return true;
    const snapshot = directory.snapshot();
    const institution = snapshot.principal(principal)?.institution;
    if (institution === undefined || caller.institution === undefined) return false;
    if (institution === caller.institution) return true;
    if (resource.type === 'transaction') return institution === resource.facts.initiatorInstitution;
    return resource.type === 'resource' && snapshot.resource(resource.uri)?.institution === caller.institution;
  }

  function mandateInForce(input: TradingInput): Promise<MandateAnswer> | undefined {
    const { resource, action, context } = input;
    return resource.type === 'transaction'
      ? checkMandateFor(resource.facts, action, context.at, consentStore)
      : undefined;
  }

  /** The subject's recorded sign-in, if the enforcement point names the token that it received. */
  function tokenFor(
    request: EvaluationRequest,
    { principal, context }: TradingInput,
    caller: Actor,
  ): Promise<RecordedToken> | undefined {
    const { evidence } = readContext(request.context);
    if (evidence === undefined) return undefined;
    const asked = { principal, caller, isOperator: isOperator(caller, dependencies), at: context.at };
    return readToken(evidence, asked, dependencies);
  }

  function limitsOn({ action, resource, context }: TradingInput): Promise<ReserveOutcome> | undefined {
    if (!counted.has(action) || resource.type !== 'transaction') return undefined;
    return limits.read({ facts: resource.facts, at: context.at });
  }

  function inputOf(
    request: EvaluationRequest,
    caller: Actor,
    facts: TransactionFacts | undefined,
    at = clock.now(),
  ): TradingInput {
    const { client, scopes, device, signals } = readContext(request.context);
    const known = readSubject(request.subject);
    // A malformed principal is recorded as requested, and is unknown to the policies.
    const principal = known ?? nameOf(request.subject);
    const action = request.action.name;
    const resource = resourceOf(request.resource, facts);
    // Assigned one by one, because nested spreads took four percent of a request.
    const context: Changeable<TradingInput['context']> = {
      client: '',
      institution: caller.institution ?? '',
      audience: '',
      // Only a question about a token has scopes of its own.
      scopes: action === 'token:issue' ? scopes : [action],
      at,
      mandateInForce: false,
    };
    // Unproven claims can turn a permit into a deny, never a deny into a permit.
    if (client !== '') context.claimedClient = client;
    if (device !== undefined) context.claimedDevice = device;
    if (signals.length > 0) context.claimedSignals = signals;
    signInAsRecorded(context, { principal, action, facts });
    return {
      principal,
      action,
      resource: known !== undefined && isForCaller(known, resource, caller) ? resource : unknown(request.resource),
      context,
    };
  }

  return {
    atLeast: readAtLeast,
    async read(request, caller) {
      const { resource } = request;
      // Avoids waiting if there are no facts to read.
      const facts = resource.type === 'transaction' ? await factsFor(resource, caller) : undefined;
      const input = inputOf(request, caller, facts);
      const [mandate, token] = await Promise.all([mandateInForce(input), tokenFor(request, input, caller)]);
      const { holders = nobody, known } = token ?? {};
      const { valid = false, mandates = none } = mandate ?? {};
      const full =
        mandate === undefined && token === undefined
          ? input
          : { ...input, context: { ...input.context, ...known, mandateInForce: valid } };
      const question = { input: full, holders, mandates };
      // Both ask the log in the same query.
      const [revoked, halted] = await Promise.all([
        revokedReason(question, caller, dependencies),
        haltedReason(question, dependencies),
      ]);
      const refusal = revoked ?? halted ?? notPermittedReason(full, caller, isOperator(caller, dependencies));
      return refusal === undefined ? full : { ...full, refusal };
    },
    refusal: (input) => input.refusal,
    unread: (request, caller) => inputOf(request, caller, undefined),
    limitsOn,
    about({ principal, resource }) {
      const institution = directory.snapshot().principal(principal)?.institution;
      const subject = institution === undefined ? { id: principal } : { id: principal, institution };
      if (resource.type !== 'transaction') return { subject };
      const { id, intentDigest, mandate } = resource.facts;
      return { subject, transaction: id, intent: intentDigest, mandate: { ...mandate } };
    },
    candidates: createSearchCandidates({ ...dependencies, factsFor, inputOf, mandateInForce, limitsOn }),
  };
}

/** Adds the initiator's sign-in for the permitted token, as the registry does for its steps. */
function signInAsRecorded(
  context: Changeable<TradingInput['context']>,
  { principal, action, facts }: { principal: string; action: string; facts: TransactionFacts | undefined },
): void {
  if (facts?.permitted === undefined || facts.initiator !== principal || action === 'token:issue') return;
  const { acr, authTime, device } = facts.permitted;
  if (acr !== undefined) context.acr = acr;
  if (authTime !== undefined) context.authTime = authTime;
  if (device !== undefined) context.device = device;
}

type Changeable<Made> = { -readonly [Member in keyof Made]: Made[Member] };

function isOperator({ institution }: Actor, { operator }: { readonly operator: string | undefined }): boolean {
  return operator !== undefined && institution === operator;
}

/** The principal of the subject; undefined for a malformed id or a wrong type. */
function readSubject({ type, id }: EvaluationRequest['subject']): string | undefined {
  const principal = parsePrincipalId(id);
  return principal !== undefined && kindOfPrincipal(principal) === type ? principal : undefined;
}

/** Type and id of a malformed subject, so that `service:x` with the type person is not taken for that service. */
function nameOf({ type, id }: EvaluationRequest['subject']): string {
  return `${type}/${id}`;
}

function resourceOf(
  { type, id }: EvaluationRequest['resource'],
  facts: TransactionFacts | undefined,
): TradingInput['resource'] {
  if (facts !== undefined) return { type: 'transaction', facts };
  if (type === 'resource') return { type: 'resource', uri: id };
  return unknown({ type, id });
}

/** A resource on which nothing is permitted, such as a transaction that the caller is not a party to. */
function unknown({ type, id }: EvaluationRequest['resource']): TradingInput['resource'] {
  return { type: 'unknown', uid: uidOf(type === 'resource' ? 'Resource' : 'Transaction', id) };
}

interface SearchCandidatesDependencies extends OutsideDependencies {
  factsFor(resource: EvaluationRequest['resource'], caller: Actor): Promise<TransactionFacts | undefined>;
  mandateInForce(input: TradingInput): Promise<MandateAnswer> | undefined;
  readonly limitsOn: OutsideRequests<TradingInput>['limitsOn'];
  inputOf(request: EvaluationRequest, caller: Actor, facts: TransactionFacts | undefined, at: number): TradingInput;
}

/** Facts of an action on a transaction that are the same for every principal: limits count for the initiator. */
interface ActionStanding extends MandateAnswer {
  readonly withinLimits: boolean;
}

const noMandate: MandateAnswer = { valid: false, mandates: [] };

/**
 * The candidates of a search: the caller's people, services, agents and interfaces (for the operator: all), or the actions in the
 * policies. All questions have one time and one version of the directory. The transaction is read once, its mandate and limits once
 * for each action. Candidates beyond a limit are left out, because an evaluation would deny them.
 */
function createSearchCandidates(dependencies: SearchCandidatesDependencies) {
  const { clock, directory, operator, pose, factsFor, inputOf, mandateInForce, limitsOn } = dependencies;

  return async (
    request: SearchRequest,
    caller: Actor,
    bundle: LoadedBundle,
  ): Promise<Pick<Candidates, 'after' | 'entityVersion'>> => {
    const snapshot = directory.snapshot();
    const at = clock.now();
    const facts = request.kind === 'resource' ? undefined : await factsFor(request.resource, caller);
    const [isRevoked, isHalted] = await Promise.all([everythingRevoked(dependencies), everythingHalted(dependencies)]);
    const isStopped: typeof isRevoked = (question) => isRevoked(question) || isHalted(question);
    const standings = new Map<string, ActionStanding>();

    const asOperator = operator !== undefined && caller.institution === operator;
    const ask = (input: TradingInput, { valid, mandates }: MandateAnswer) =>
      isStopped({ input, holders: { actors: [] }, mandates }) ||
      notPermittedReason(input, caller, asOperator) !== undefined
        ? undefined
        : questionIn(pose({ ...input, context: { ...input.context, mandateInForce: valid } }, bundle, snapshot));
    const askStanding = (input: TradingInput, standing: ActionStanding) =>
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
