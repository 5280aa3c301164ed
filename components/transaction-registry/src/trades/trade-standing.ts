import { transactionErrors } from '@countersign/contracts';
import {
  addDecimals,
  type CodedError,
  compareDecimals,
  type DecimalString,
  multiplyDecimals,
  subtractDecimals,
  type TransactionId,
  zero,
} from '@countersign/kernel';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import { type NamedTrades, type TradeUse, type TradeUseKind, tradesNamedBy } from '../store/trades.ts';
import { type ExecutedTrade, executedTradeOf } from './executed-trade.ts';
import { mixtureFault, tradeDifference } from './trade-fits.ts';

/** The store queries needed here. Within a unit, `trades` locks the rows it reads until the unit ends. */
export interface TradeReader {
  trades(ids: readonly TransactionId[]): Promise<readonly StoredTransaction[]>;
  transitionsOfAll(ids: readonly TransactionId[]): Promise<readonly StoredTransition[]>;
  takenByOthers(ids: readonly TransactionId[], kind: TradeUseKind, than: TransactionId): Promise<readonly TradeUse[]>;
  /** The trades that cannot continue until a person resolves an exception. */
  stoppedTrades(ids: readonly TransactionId[]): Promise<readonly TransactionId[]>;
}

export type TradeStanding =
  /** The intent follows no trade. */
  | { readonly kind: 'none' }
  | { readonly kind: 'stands'; readonly trades: readonly ExecutedTrade[]; readonly uses: readonly TradeUse[] }
  | { readonly kind: 'fault'; readonly fault: CodedError };

type Following = Pick<StoredTransaction, 'id' | 'detail' | 'initiatorInstitution'>;

/** States of a trade from which each kind of intent may follow. */
const usableIn: Readonly<Record<TradeUseKind, readonly string[]>> = {
  allocation: ['executed', 'cleared', 'settled', 'accepted'],
  clearing: ['executed', 'accepted'],
  settlement: ['executed', 'cleared', 'accepted'],
};

/**
 * Whether the named trades are known, executed between the same parties, and large enough; with the trades locked this
 * holds until the unit ends. A firm that is no party always gets `trade_unknown`.
 */
export async function tradeStanding(following: Following, reader: TradeReader): Promise<TradeStanding> {
  const named = tradesNamedBy(following.detail);
  if (named === undefined) return { kind: 'none' };
  const stored = await reader.trades(named.ids);
  const past = await reader.transitionsOfAll(named.ids);
  const stopped = await reader.stoppedTrades(named.ids);
  const trades: ExecutedTrade[] = [];
  for (const id of named.ids) {
    const transaction = stored.find((each) => each.id === id);
    const steps = past.filter((step) => step.transaction === id);
    const trade = transaction === undefined ? undefined : executedTradeOf(transaction, steps);
    const fault =
      partyFault(following, transaction, trade) ??
      stateFault(named.kind, id, transaction, trade, stopped) ??
      (trade === undefined ? undefined : tradeDifference(following, trade));
    if (fault !== undefined) return { kind: 'fault', fault };
    if (trade !== undefined) trades.push(trade);
  }
  const mixed = mixtureFault(trades);
  if (mixed !== undefined) return { kind: 'fault', fault: mixed };
  const taken = await reader.takenByOthers(named.ids, named.kind, following.id);
  const uses = usesOf(following, named, trades, taken);
  return 'fault' in uses ? { kind: 'fault', fault: uses.fault } : { kind: 'stands', trades, uses: uses.uses };
}

function partyFault(
  { detail, initiatorInstitution }: Following,
  transaction: StoredTransaction | undefined,
  trade: ExecutedTrade | undefined,
): CodedError | undefined {
  const parties = trade?.parties ?? transaction?.parties ?? [];
  return transaction !== undefined &&
    'max_notional' in transaction.detail &&
    [initiatorInstitution, detail.entity_lei].every((lei) => parties.includes(lei))
    ? undefined
    : transactionErrors.error(
        'trade_unknown',
        'The intent names no trade of these parties that is known here: name the transaction of the executed order.',
      );
}

function stateFault(
  kind: TradeUseKind,
  id: TransactionId,
  transaction: StoredTransaction | undefined,
  trade: ExecutedTrade | undefined,
  stopped: readonly TransactionId[],
): CodedError | undefined {
  if (trade === undefined || !usableIn[kind].includes(trade.state))
    return transactionErrors.error(
      'trade_not_executed',
      `The trade ${id} is ${transaction?.state ?? 'unknown'}: ${kind} follows ${usableIn[kind].join(' or ')}.`,
      { facts: { state: transaction?.state } },
    );
  return stopped.includes(id)
    ? transactionErrors.error(
        'trade_not_executed',
        `An exception of the trade ${id} is open: nothing follows from the trade until somebody has dealt with it.`,
        { facts: { state: trade.state } },
      )
    : undefined;
}

function usesOf(
  { detail }: Following,
  { kind }: NamedTrades,
  trades: readonly ExecutedTrade[],
  taken: readonly TradeUse[],
): { readonly uses: readonly TradeUse[] } | { readonly fault: CodedError } {
  const money = detail.type === 'urn:countersign:rar:v1:settlement_instruction' ? detail.ccy : undefined;
  const token = detail.type === 'urn:countersign:rar:v1:settlement_instruction' ? detail.dti : undefined;
  const unit = money ?? token ?? 'units';
  const wholeOf = ({ quantity, price }: ExecutedTrade) =>
    money === undefined ? quantity : multiplyDecimals(quantity, price.amount);
  const left = trades.map((trade) => {
    const others = taken.filter((use) => use.trade === trade.id && use.unit === unit);
    return {
      trade: trade.id,
      amount:
        subtractDecimals(
          wholeOf(trade),
          others.reduce((sum, { amount }) => addDecimals(sum, amount), zero),
        ) ?? zero,
    };
  });
  let wanted = wantedOf(detail, trades);
  const uses: TradeUse[] = [];
  for (const { trade, amount } of left) {
    const part = compareDecimals(wanted, amount) <= 0 ? wanted : amount;
    if (compareDecimals(part, zero) > 0) uses.push({ trade, unit, amount: part });
    wanted = subtractDecimals(wanted, part) ?? zero;
  }
  if (compareDecimals(wanted, zero) === 0) return { uses };
  const rest = left.reduce((sum, { amount }) => addDecimals(sum, amount), zero);
  return {
    fault: transactionErrors.error(
      'trade_exceeded',
      `The ${kind} is above what is left of the trade: ${rest} ${unit} of what was executed.`,
      { facts: { left: rest, unit } },
    ),
  };
}

/** A clearing submission has no quantity of its own: it covers the whole trade. */
function wantedOf(detail: StoredTransaction['detail'], trades: readonly ExecutedTrade[]): DecimalString {
  if (detail.type === 'urn:countersign:rar:v1:settlement_instruction') return detail.amount;
  const parts =
    detail.type === 'urn:countersign:rar:v1:allocation'
      ? detail.lines.map(({ qty }) => qty)
      : trades.map(({ quantity }) => quantity);
  return parts.reduce((sum, part) => addDecimals(sum, part), zero);
}
