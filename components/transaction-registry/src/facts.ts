import type { ApprovalMethod, DirectorySnapshot, PermittedIntent, TransactionFacts } from '@countersign/contracts';
import { defined, type Json, type TransactionId } from '@countersign/kernel';
import { instrumentId, intentOf } from '@countersign/market';
import { type DestinationReader, destinationKnown, receiverFacts } from './destinations/destinations.ts';
import { lifeCycleOf, startsNewRisk, stateRuleOf } from './life-cycles/index.ts';
import type { StoredApproval, StoredTransaction } from './store/store.ts';
import { type TradeReader, type TradeStanding, tradeStanding } from './trades/trade-standing.ts';

export function intentJson({ detail }: Pick<StoredTransaction, 'detail'>): Readonly<Record<string, Json>> {
  // A parsed detail is JSON by its schema; its type names members where JSON's has an index.
  return intentOf(detail) as unknown as Readonly<Record<string, Json>>;
}

/** @param approvals the valid ones */
export function factsOf(
  transaction: StoredTransaction,
  approvals: readonly StoredApproval[],
  known: KnownFacts,
): TransactionFacts {
  const { id, state, version, detail, intentDigest, initiator, initiatorInstitution, mandate, carriedBy } = transaction;
  return {
    id,
    state,
    version,
    intentType: detail.type,
    intent: intentJson(transaction),
    intentDigest,
    initiator,
    initiatorInstitution,
    mandate: { id: mandate.id, version: mandate.version },
    approvals: approvals.map((approval) => ({
      approver: approval.approver,
      role: approval.role,
      institution: approval.institution,
      method: methodOf(approval),
    })),
    ...known,
    ...(carriedBy === undefined || carriedBy === null ? {} : { carriedBy }),
    completingScopes: completingScopes(transaction),
  };
}

function methodOf({ authenticator, certificate }: StoredApproval): ApprovalMethod {
  if (certificate !== undefined) return 'certificate';
  return authenticator === undefined ? 'directory-key' : 'authenticator';
}

/** Scopes whose next steps all complete or reverse what was done: a scope alone does not identify the step. */
function completingScopes({ detail, state }: Pick<StoredTransaction, 'detail' | 'state'>): readonly string[] {
  const cycle = lifeCycleOf(detail);
  const rules = Object.values(cycle.rules).filter(({ from }) => from.includes(state));
  const here = stateRuleOf(cycle, state);
  const begin = new Set(rules.filter((rule) => startsNewRisk(rule, here)).map(({ scope }) => scope));
  return [...new Set(rules.map(({ scope }) => scope))].filter((scope) => !begin.has(scope));
}

/**
 * The institutions that see a transaction from the start; others see it once they have a step to take, see
 * `partiesToAct`.
 */
export function partiesOf({
  detail,
  initiatorInstitution,
}: Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>): readonly string[] {
  const listed = 'parties' in detail ? detail.parties.map(({ lei }) => lei) : [];
  return [...new Set([initiatorInstitution, detail.entity_lei, ...listed])];
}

export type KnownFacts = Pick<
  TransactionFacts,
  'destinationKnown' | 'tradeKnown' | 'tradedInstrument' | 'permitted' | 'receivers' | 'agreementKnown'
>;

interface PermittedReader {
  permitted(id: TransactionId): Promise<PermittedIntent | undefined>;
}

interface Asked {
  readonly directory: Pick<DirectorySnapshot, 'contract'>;
  readonly now: number;
}

export async function knownFacts(
  transaction: StoredTransaction,
  reader: DestinationReader & TradeReader & PermittedReader,
  asked: Asked,
): Promise<KnownFacts> {
  return withTrade(await tradeStanding(transaction, reader), transaction, reader, asked);
}

export async function withTrade(
  trade: TradeStanding,
  transaction: StoredTransaction,
  reader: DestinationReader & PermittedReader,
  { directory, now }: Asked,
): Promise<KnownFacts> {
  const destination = await destinationKnown(transaction, reader);
  return {
    ...defined({ destinationKnown: destination }),
    ...(trade.kind === 'none' ? {} : { tradeKnown: trade.kind === 'usable' }),
    ...tradedInstrument(trade),
    ...(await receiverFacts(transaction, reader, directory, now)),
    ...(await withPermitted(transaction, reader)),
  };
}

/** The instrument of the trades; an allocation does not name it. */
function tradedInstrument(trade: TradeStanding): Pick<KnownFacts, 'tradedInstrument'> {
  const [first] = trade.kind === 'usable' ? trade.trades : [];
  if (first === undefined) return {};
  const id = instrumentId(first.detail.instrument);
  return id === undefined ? {} : { tradedInstrument: id };
}

/** Only the permitted token: reading the destination and the trade would take locks. */
export async function withPermitted({ id }: StoredTransaction, reader: PermittedReader): Promise<KnownFacts> {
  const permitted = await reader.permitted(id);
  return permitted === undefined ? {} : { permitted };
}
