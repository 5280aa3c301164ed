import {
  type Actor,
  type EvaluationRequest,
  kindOfPrincipal,
  parsePrincipalId,
  type ReserveOutcome,
  type TransactionFacts,
} from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import type { OutsideRequests } from '../decision/information-model.ts';
import { readAtLeast, readContext } from '../decision/request-context.ts';
import { uidOf } from './entities.ts';
import { type MandateAnswer, mandateStandsFor } from './mandate-standing.ts';
import { notPermittedReason } from './not-permitted.ts';
import { revokedReason, type TokenHolders } from './revoked.ts';
import { createSearchCandidates } from './search-candidates.ts';
import { type RecordedToken, readToken } from './token-sign-in.ts';
import type { OutsideDependencies, TradingInput } from './trading-input.ts';

const nobody: TokenHolders = { actors: [] };
const none: readonly never[] = [];

/** Steps after which there is a trade, or may be one, or collateral has moved: they are held to the limits. */
const counted: ReadonlySet<string> = new Set(['order:create', 'rfq:accept', 'collateral:transfer']);

/** How requests of enforcement points (AuthZEN) become questions of trading. */
export function createOutsideRequests(dependencies: OutsideDependencies): OutsideRequests<TradingInput> {
  const { transactions, consentStore, directory, limits, clock } = dependencies;

  /**
   * The transaction, where there is one that the caller has a part in. Of any other it does not even learn that it is
   * there: it is answered as one that is not.
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
   * Whether it is the caller's business what this principal may do to this: with its own people, with its own interface,
   * with whoever began a transaction that it has a part in. What others may do elsewhere, and what was found of their
   * firm, it does not learn.
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

  function mandateStands(input: TradingInput): Promise<MandateAnswer> | undefined {
    const { resource, action, context } = input;
    return resource.type === 'transaction'
      ? mandateStandsFor(resource.facts, action, context.at, consentStore)
      : undefined;
  }

  /** How the subject signed in, where the enforcement point names the token that came to it. */
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
    // What is no principal is nobody: it is recorded as it was asked, and no policy is asked about it.
    const principal = known ?? nameOf(request.subject);
    const action = request.action.name;
    const resource = resourceOf(request.resource, facts);
    // Named one by one: copies of copies, made by spreading, took a twenty-fifth of a whole request.
    const context: Changeable<TradingInput['context']> = {
      client: '',
      institution: caller.institution ?? '',
      audience: '',
      // The scopes of a token are what is asked about; of a step there is nothing to say.
      scopes: action === 'token:issue' ? scopes : [action],
      at,
      mandateStands: false,
    };
    // Their own words for what others vouch for: by these a permit is refused, and never given.
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
      // What has no facts and no mandate is not waited for.
      const facts = resource.type === 'transaction' ? await factsFor(resource, caller) : undefined;
      const input = inputOf(request, caller, facts);
      const [mandate, token] = await Promise.all([mandateStands(input), tokenFor(request, input, caller)]);
      const { holders = nobody, known } = token ?? {};
      const { stands = false, mandates = none } = mandate ?? {};
      const full =
        mandate === undefined && token === undefined
          ? input
          : { ...input, context: { ...input.context, ...known, mandateStands: stands } };
      const refusal =
        (await revokedReason({ input: full, holders, mandates }, caller, dependencies)) ??
        notPermittedReason(full, caller, isOperator(caller, dependencies));
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
    candidates: createSearchCandidates({ ...dependencies, factsFor, inputOf, mandateStands, limitsOn }),
  };
}

/** Of whoever began it: how they had signed in for the token that was permitted, as the registry asks about its steps. */
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

/** The principal that is asked about; undefined for what is none, or is of another kind than is said. */
function readSubject({ type, id }: EvaluationRequest['subject']): string | undefined {
  const principal = parsePrincipalId(id);
  return principal !== undefined && kindOfPrincipal(principal) === type ? principal : undefined;
}

/** Both of a subject that is no principal. A `service:x` that is said to be a person is not the service of that name. */
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

/** Also a transaction that nobody knows, or that the caller has no part in: nothing is permitted on it. */
function unknown({ type, id }: EvaluationRequest['resource']): TradingInput['resource'] {
  return { type: 'unknown', uid: uidOf(type === 'resource' ? 'Resource' : 'Transaction', id) };
}
