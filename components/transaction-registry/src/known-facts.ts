import type { DirectorySnapshot, PermittedIntent, TransactionFacts } from '@countersign/contracts';
import { defined, type TransactionId } from '@countersign/kernel';
import { instrumentId } from '@countersign/market';
import { type DestinationReader, destinationKnown } from './destinations/known.ts';
import { receiverFacts } from './destinations/receivers.ts';
import type { StoredTransaction } from './store/store.ts';
import { type TradeReader, type TradeStanding, tradeStanding } from './trades/trade-standing.ts';

/** What only the registry can say of an intent, for the policies. Members are left out where the intent has no such thing. */
export type KnownFacts = Pick<
  TransactionFacts,
  'destinationKnown' | 'tradeKnown' | 'tradedInstrument' | 'permitted' | 'receivers' | 'agreementKnown'
>;

interface PermittedReader {
  permitted(id: TransactionId): Promise<PermittedIntent | undefined>;
}

/** Where it is asked: the directory as it is, at this moment. */
export interface Asked {
  readonly directory: Pick<DirectorySnapshot, 'contract'>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Reads them from what is recorded here, never from what a caller says. */
export async function knownFacts(
  transaction: StoredTransaction,
  reader: DestinationReader & TradeReader & PermittedReader,
  asked: Asked,
): Promise<KnownFacts> {
  return withTrade(await tradeStanding(transaction, reader), transaction, reader, asked);
}

/** The same where the trade has been read before. */
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

/** An allocation names no instrument: its trades are of one. */
function tradedInstrument(trade: TradeStanding): Pick<KnownFacts, 'tradedInstrument'> {
  const [first] = trade.kind === 'stands' ? trade.trades : [];
  if (first === undefined) return {};
  const id = instrumentId(first.detail.instrument);
  return id === undefined ? {} : { tradedInstrument: id };
}

/** Without the destination and the trade, which are locked to be read. */
export async function withPermitted({ id }: StoredTransaction, reader: PermittedReader): Promise<KnownFacts> {
  const permitted = await reader.permitted(id);
  return permitted === undefined ? {} : { permitted };
}
