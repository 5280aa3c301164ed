import {
  type Client,
  onlyCompletes,
  type Resource,
  type TransactionFacts,
  type TransactionRegistry,
} from '@countersign/contracts';
import {
  type Digest,
  type IntentDigest,
  parseId,
  parseJson,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import {
  changesMarket,
  type GrantedStep,
  namesStep,
  parseTransactionStep,
  type Scope,
  type TransactionStep,
} from '@countersign/market';
import type { Authority } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';
import type { StandingMandate } from './check-mandate.ts';

interface KnownTransaction {
  readonly id: TransactionId;
  readonly intentDigest: IntentDigest;
  /** The record of its opening, if this request opened it or found it by its idempotency key. */
  readonly recordId?: RecordId;
}

export interface TokenTransaction extends KnownTransaction {
  readonly facts: TransactionFacts;
}

export interface TransactionQuestion {
  readonly granted: GrantedDetail;
  readonly mandate: StandingMandate;
  readonly authority: Authority;
  readonly client: Client;
}

/**
 * The transaction of the intent: opened with the intent's first token, found again by its idempotency key, and kept through
 * every exchange. The digest is that of the intent as first requested and is never recomputed.
 */
export async function openTransaction(
  asked: TransactionQuestion,
  registry: Pick<TransactionRegistry, 'open' | 'facts'>,
): Promise<TokenTransaction> {
  const transaction = asked.authority.continues?.transaction;
  if (transaction === undefined) return open(asked, registry);
  const facts = await registry.facts(transaction.id);
  if (facts === undefined) throw refuse('transaction_unknown', `The transaction ${transaction.id} is not known here.`);
  return { ...transaction, facts };
}

async function open(
  { granted, mandate, authority, client }: TransactionQuestion,
  registry: Pick<TransactionRegistry, 'open'>,
): Promise<TokenTransaction> {
  const { id, intentDigest, recordId, facts } = await registry.open({
    detail: granted.detail,
    mandate: { id: mandate.id, version: mandate.version, recordId: mandate.recordId },
    initiator: { id: authority.subject, institution: authority.institution },
    client: client.id,
  });
  return { id, intentDigest, recordId, facts };
}

/** A step of an open transaction, taken by an institution that is a party to it. */
export interface TokenStep {
  readonly detail: GrantedStep;
  readonly transaction: TransactionId;
  readonly intentDigest: Digest;
  /** Whether its scopes are only for steps that start nothing new. */
  readonly onlyCompletes: boolean;
}

/** The interface of the transaction registry, where steps are taken. */
export function stepsInterface(issuer: string): string {
  return `${issuer}/transactions`;
}

/** The step that a request names in `authorization_details`; undefined if there is none. */
export function readStep(
  asked: string | undefined,
  { resource, client, issuer }: { readonly resource: Resource; readonly client: Client; readonly issuer: string },
): TransactionStep | undefined {
  const json = asked === undefined ? undefined : parseJson(asked, { maxLength: 32_768 });
  if (json?.ok !== true || !namesStep(json.value)) return undefined;
  const parsed = parseTransactionStep(json.value[0]);
  if (!parsed.ok) {
    const { path, problem, detail } = parsed.problem;
    throw refuse('details_malformed', `${path}: ${detail}`, { path, problem });
  }
  if (client.profile === 'oidc')
    throw refuse('details_not_allowed', 'The client signs people in: it takes no steps in transactions.');
  if (resource.uri !== stepsInterface(issuer) || !parsed.value.locations.includes(resource.uri))
    throw refuse('details_location', `A step is taken at ${stepsInterface(issuer)}: name it as resource and location.`);
  return parsed.value;
}

/**
 * Checks the transaction of the step. The institution must have a part in it, this part must permit each named event, and
 * each market-changing scope must belong to one of these events. The registry checks the current state, mandates and
 * policies when the step is taken.
 */
export async function openStep(
  step: TransactionStep,
  { authority, scopes }: { readonly authority: Authority; readonly scopes: ReadonlySet<Scope> },
  registry: Pick<TransactionRegistry, 'facts' | 'stepsOf'>,
): Promise<TokenStep> {
  const { transaction } = step;
  const [facts, own] = await Promise.all([
    registry.facts(transaction),
    registry.stepsOf(transaction, authority.institution),
  ]);
  const mandate = parseId('mandate', facts?.mandate.id);
  if (facts === undefined || mandate === undefined || own === undefined)
    throw refuse('transaction_unknown', `There is no transaction ${transaction} that your institution has a part in.`);
  const taken = own.filter(({ event }) => step.actions.includes(event));
  const foreign = step.actions.find((action) => !taken.some(({ event }) => event === action));
  if (foreign !== undefined)
    throw refuse('step_foreign', `The step ${foreign} of ${transaction} is not one that your institution takes.`);
  for (const scope of scopes)
    if (changesMarket(scope) && !taken.some((each) => each.scope === scope))
      throw refuse(
        'scope_not_of_step',
        `${scope} is not the scope of a step that was named: ${step.actions.join(', ')}.`,
      );
  return {
    detail: { ...step, mandate: { id: mandate, version: facts.mandate.version } },
    transaction,
    intentDigest: facts.intentDigest,
    onlyCompletes: onlyCompletes(facts, [...scopes].filter(changesMarket)),
  };
}
