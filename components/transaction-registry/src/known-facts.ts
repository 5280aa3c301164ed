import type { DirectorySnapshot, PermittedIntent, TransactionFacts } from '@countersign/contracts';
import { defined, type TransactionId } from '@countersign/kernel';
import { instrumentId } from '@countersign/market';
import { type DestinationReader, destinationKnown } from './destinations/known.ts';
import { receiverFacts } from './destinations/receivers.ts';
import type { StoredTransaction } from './store/store.ts';
import { type TradeReader, type TradeStanding, tradeStanding } from './trades/trade-standing.ts';

export type KnownFacts = Pick<
  TransactionFacts,
  'destinationKnown' | 'tradeKnown' | 'tradedInstrument' | 'permitted' | 'receivers' | 'agreementKnown'
>;

interface PermittedReader {
  permitted(id: TransactionId): Promise<PermittedIntent | undefined>;
}

export interface Asked {
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
    ...(trade.kind === 'none' ? {} : { tradeKnown: trade.kind === 'stands' }),
    ...tradedInstrument(trade),
    ...(await receiverFacts(transaction, reader, directory, now)),
    ...(await withPermitted(transaction, reader)),
  };
}

/** The instrument of the trades; an allocation does not name it. */
function tradedInstrument(trade: TradeStanding): Pick<KnownFacts, 'tradedInstrument'> {
  const [first] = trade.kind === 'stands' ? trade.trades : [];
  if (first === undefined) return {};
  const id = instrumentId(first.detail.instrument);
  return id === undefined ? {} : { tradedInstrument: id };
}

/** Only the permitted token: reading the destination and the trade would take locks. */
export async function withPermitted({ id }: StoredTransaction, reader: PermittedReader): Promise<KnownFacts> {
  const permitted = await reader.permitted(id);
  return permitted === undefined ? {} : { permitted };
}
