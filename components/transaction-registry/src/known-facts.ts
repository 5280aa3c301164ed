import type { TransactionFacts } from '@countersign/contracts';
import { type DestinationReader, destinationKnown } from './destinations/known.ts';
import type { StoredTransaction } from './store.ts';
import { type TradeReader, type TradeStanding, tradeStanding } from './trades/trade-standing.ts';

/** What only the registry can say of an intent, for the policies. Members are left out where the intent has no such thing. */
export type KnownFacts = Pick<TransactionFacts, 'destinationKnown' | 'tradeKnown'>;

/** Reads them from what is recorded here, never from what a caller says. */
export async function knownFacts(
  transaction: StoredTransaction,
  reader: DestinationReader & TradeReader,
): Promise<KnownFacts> {
  return withTrade(await tradeStanding(transaction, reader), transaction, reader);
}

/** The same where the trade has been read before. */
export async function withTrade(
  trade: TradeStanding,
  transaction: StoredTransaction,
  reader: DestinationReader,
): Promise<KnownFacts> {
  const destination = await destinationKnown(transaction, reader);
  return {
    ...(destination === undefined ? {} : { destinationKnown: destination }),
    ...(trade.kind === 'none' ? {} : { tradeKnown: trade.kind === 'stands' }),
  };
}
