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
  /** Of its opening, if this request opened it or found it by its idempotency key. */
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

/** Opened with the intent's first token, found by its idempotency key, and kept by exchanges. The digest is never recomputed. */
export async function openTransaction(
  asked: TransactionQuestion,
  registry: Pick<TransactionRegistry, 'open' | 'facts'>,
): Promise<TokenTransaction> {
  const transaction = asked.authority.continues?.transaction;
  if (transaction === undefined) return open(asked, registry);
  const facts = await registry.facts(transaction.id);
  if (facts === undefined) throw refuse('transaction_unknown', `The transaction ${transaction.id} is unknown.`);
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

/** Of an institution that is a party to the transaction. */
export interface TokenStep {
  readonly detail: GrantedStep;
  readonly transaction: TransactionId;
  readonly intentDigest: Digest;
  /** Whether its scopes are only for steps that start nothing new. */
  readonly onlyCompletes: boolean;
}

export function stepsInterface(issuer: string): string {
  return `${issuer}/transactions`;
}

/** From `authorization_details`; undefined if there is none. */
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
    throw refuse('details_not_allowed', 'A client that signs people in cannot take steps in transactions.');
  if (resource.uri !== stepsInterface(issuer) || !parsed.value.locations.includes(resource.uri))
    throw refuse('details_location', `Name ${stepsInterface(issuer)} as resource and location of the step.`);
  return parsed.value;
}

/** The institution's part must permit each event, with its scope. State, mandates and policies are checked when the step is taken. */
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
    throw refuse('transaction_unknown', `Your institution is not a party to a transaction ${transaction}.`);
  const taken = own.filter(({ event }) => step.actions.includes(event));
  const notOurs = step.actions.find((action) => !taken.some(({ event }) => event === action));
  if (notOurs !== undefined)
    throw refuse('step_of_another_party', `Your institution does not take the step ${notOurs} of ${transaction}.`);
  for (const scope of scopes)
    if (changesMarket(scope) && !taken.some((each) => each.scope === scope))
      throw refuse('scope_not_of_step', `${scope} does not belong to the named steps (${step.actions.join(', ')}).`);
  return {
    detail: { ...step, mandate: { id: mandate, version: facts.mandate.version } },
    transaction,
    intentDigest: facts.intentDigest,
    onlyCompletes: onlyCompletes(facts, [...scopes].filter(changesMarket)),
  };
}
