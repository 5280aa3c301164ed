import {
  type Actor,
  allHaltsInForce,
  type DecisionReason,
  type Directory,
  type HaltableParties,
  haltableParties,
  haltDetail,
  haltInForce,
  parseClientId,
  type RevocableParties,
  revocationDetail,
  type StandingLister,
  type StandingReader,
  type StandingRevocation,
  standingRevocation,
  standingRevocations,
} from '@countersign/contracts';
import { changesMarket, isScope, kindOfScope } from '@countersign/market';
import type { TradingInput } from './trading-input.ts';

/**
 * The rule of the transaction registry (`steps/rules.ts`): the initiator must have been permitted a token for the intent and, if the
 * caller belongs to another institution, one for an interface of that institution.
 * @param isOperator whether the caller may ask about all institutions, so that the one taking the step is unknown
 */
export function notPermittedReason(
  { action, resource }: Pick<TradingInput, 'action' | 'resource'>,
  caller: Actor,
  isOperator: boolean,
): DecisionReason | undefined {
  if (resource.type !== 'transaction' || resource.facts.state !== 'intended' || action === 'token:issue')
    return undefined;
  const { permitted, completingScopes, initiatorInstitution } = resource.facts;
  if (completingScopes?.includes(action) === true || isCancelling(action)) return undefined;
  if (permitted === undefined)
    return {
      code: 'intent_not_permitted',
      detail:
        'No token was permitted for this intent. Its initiator must ask for one, with the required sign-in and approvals.',
    };
  const { institution } = caller;
  if (isOperator || institution === initiatorInstitution) return undefined;
  if (institution !== undefined && permitted.reached.includes(institution)) return undefined;
  return {
    code: 'intent_not_sent',
    detail:
      'The initiator of this transaction has no token for one of your interfaces. The initiator must first send the intent with such a token.',
  };
}

function isCancelling(action: string): boolean {
  return isScope(action) && kindOfScope(action) === 'cancelling';
}

/** The actors of the presented token, without its subject. */
export interface TokenHolders {
  readonly actors: readonly string[];
}

interface RevocationQuestion {
  readonly input: TradingInput;
  readonly holders: TokenHolders;
  /** The mandate of the transaction and its parents. */
  readonly mandates: readonly string[];
}

interface RevocationDependencies {
  readonly audit: StandingReader & StandingLister;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly operator: string | undefined;
}

type Found = Pick<StandingRevocation, 'kind' | 'id' | 'record'>;

const pageSize = 1_000;

/**
 * Why a revocation prevents the action: one of a participant or of the mandate, by the rule of the token endpoint and the
 * transaction registry (see `TransactionFacts.completingScopes`). Policies cannot override it.
 * @throws CodedError `log_unavailable`
 */
export async function revokedReason(
  question: RevocationQuestion,
  caller: Actor,
  dependencies: RevocationDependencies,
): Promise<DecisionReason | undefined> {
  // Denied anyway, without a reason, because the caller may not know of it.
  if (question.input.resource.type === 'unknown') return undefined;
  const found = await standingRevocation(partiesOf(question, dependencies), dependencies.audit);
  return found === undefined ? undefined : reasonFor(found, caller, dependencies);
}

/**
 * Why a halt prevents the action: it would start new risk for a halted party, venue or class of instruments. Policies cannot
 * override it.
 * @throws CodedError `log_unavailable`
 */
export async function haltedReason(
  question: RevocationQuestion,
  { directory, audit }: Pick<RevocationDependencies, 'directory' | 'audit'>,
): Promise<DecisionReason | undefined> {
  const parties = haltableIn(question, { directory });
  const found = parties && (await haltInForce(parties, audit));
  return found === undefined ? undefined : { code: 'trading_halted', detail: haltDetail(found) };
}

/** For a search: reads all halts once. */
export async function everythingHalted({
  directory,
  audit,
}: Pick<RevocationDependencies, 'directory' | 'audit'>): Promise<(question: RevocationQuestion) => boolean> {
  const isHalted = await allHaltsInForce(audit);
  return (question) => {
    const parties = haltableIn(question, { directory });
    return parties !== undefined && isHalted(parties);
  };
}

/** Undefined for an action that starts no risk. */
function haltableIn(
  question: RevocationQuestion,
  { directory }: Pick<RevocationDependencies, 'directory'>,
): HaltableParties | undefined {
  const { action, resource } = question.input;
  if (resource.type !== 'transaction' || resource.facts.completingScopes?.includes(action) === true) return undefined;
  if (action !== 'token:issue' && !(isScope(action) && changesMarket(action))) return undefined;
  const { principals, clients, institutions } = partiesOf(question, { directory });
  const { initiatorInstitution, intent } = resource.facts;
  return haltableParties(
    { principals, clients, institutions: [...institutions, initiatorInstitution], intent },
    directory.snapshot(),
  );
}

/** For a search: reads all revocations once. */
export async function everythingRevoked(
  dependencies: RevocationDependencies,
): Promise<(question: RevocationQuestion) => boolean> {
  const revoked = new Set<string>();
  let after: string | undefined;
  do {
    const page = await standingRevocations({ after, limit: pageSize }, dependencies.audit);
    for (const { kind, id } of page.revocations) revoked.add(`${kind}:${id}`);
    after = page.next;
  } while (after !== undefined);
  if (revoked.size === 0) return () => false;
  return (question) => {
    const { principals, clients, institutions, mandates } = partiesOf(question, dependencies);
    return (
      principals.some((id) => revoked.has(`principal:${id}`)) ||
      clients.some((id) => revoked.has(`client:${id}`)) ||
      institutions.some((id) => revoked.has(`partner:${id}`)) ||
      mandates.some((id) => revoked.has(`mandate:${id}`))
    );
  };
}

function partiesOf(
  { input, holders, mandates }: RevocationQuestion,
  { directory }: Pick<RevocationDependencies, 'directory'>,
): RevocableParties {
  const { principal, action, resource, context } = input;
  const facts = resource.type === 'transaction' ? resource.facts : undefined;
  const begins = facts !== undefined && facts.completingScopes?.includes(action) !== true;
  const principals = [
    ...new Set([principal, ...holders.actors, ...(begins ? [facts.carriedBy ?? facts.initiator] : [])]),
  ];
  const snapshot = directory.snapshot();
  const institutions = principals.flatMap((id) => snapshot.principal(id)?.institution ?? []);
  // The caller's claim about a client can only turn a permit into a deny.
  const clients = [parseClientId(context.claimedClient ?? ''), parseClientId(context.client)];
  return {
    principals,
    clients: [...new Set(clients.filter((id) => id !== undefined))],
    institutions: [...new Set<string>(institutions)],
    mandates: begins ? mandates : [],
  };
}

function reasonFor(found: Found, caller: Actor, { directory, operator }: RevocationDependencies): DecisionReason {
  const institution = found.kind === 'principal' ? directory.snapshot().principal(found.id)?.institution : undefined;
  // Another institution does not learn who was revoked.
  const told = found.kind !== 'principal' || caller.institution === operator || institution === caller.institution;
  return {
    code: 'authority_revoked',
    detail: told ? revocationDetail(found) : 'The initiator of this transaction, or one of its actors, is revoked.',
  };
}
