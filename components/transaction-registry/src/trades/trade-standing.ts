import { type TransactionState, transactionErrors } from '@countersign/contracts';
import {
  addDecimals,
  type CodedError,
  compareDecimals,
  type DecimalString,
  multiplyDecimals,
  type RecordId,
  subtractDecimals,
  type TransactionId,
  zero,
} from '@countersign/kernel';
import type { Allocation, ClearingSubmission, Lei, Rfq, SettlementInstruction, TradeOrder } from '@countersign/market';
import { lifeCycleOf } from '../life-cycles/index.ts';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import { type NamedTrades, type TradeUse, type TradeUseKind, tradesNamedBy } from '../store/trades.ts';
import { type Money, parseTransitionBody } from '../transition-request.ts';

/** The store queries needed here. Within a unit, `trades` locks the rows it reads until the unit ends. */
export interface TradeReader {
  trades(ids: readonly TransactionId[]): Promise<readonly StoredTransaction[]>;
  transitionsOfAll(ids: readonly TransactionId[]): Promise<readonly StoredTransition[]>;
  takenByOthers(ids: readonly TransactionId[], kind: TradeUseKind, than: TransactionId): Promise<readonly TradeUse[]>;
  /** The trades that cannot continue until a person resolves an exception. */
  stoppedTrades(ids: readonly TransactionId[]): Promise<readonly TransactionId[]>;
}

export type TradeStanding =
  | { readonly kind: 'none' }
  | { readonly kind: 'usable'; readonly trades: readonly ExecutedTrade[]; readonly uses: readonly TradeUse[] }
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
  return 'fault' in uses ? { kind: 'fault', fault: uses.fault } : { kind: 'usable', trades, uses: uses.uses };
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
        'The named trade is unknown, or its parties differ. Name the transaction of the executed order.',
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
      `The ${kind} exceeds the remaining ${rest} ${unit} of the trade.`,
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

/**
 * Firms, instrument, currency and direction. @returns CodedError `trade_differs`, which names the `field`, or
 * undefined
 */
function tradeDifference({ detail }: Pick<StoredTransaction, 'detail'>, trade: ExecutedTrade): CodedError | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:allocation':
      return giveUpDifference(detail, trade);
    case 'urn:countersign:rar:v1:clearing_submission':
      return clearingDifference(detail, trade);
    case 'urn:countersign:rar:v1:settlement_instruction':
      return settlementDifference(detail, trade);
    default:
      return undefined;
  }
}

function mixtureFault(trades: readonly ExecutedTrade[]): CodedError | undefined {
  const [first, ...others] = trades.map(({ detail: { entity_lei, side, instrument } }) =>
    [entity_lei, side, instrument.isin, instrument.upi, instrument.dti].join(' '),
  );
  return others.every((other) => other === first)
    ? undefined
    : differs('trade_ids', 'The trades differ in instrument, side or firm.');
}

function giveUpDifference({ giveup_to_lei: to }: Allocation, { parties }: ExecutedTrade): CodedError | undefined {
  return to === undefined || parties.includes(to)
    ? undefined
    : differs('giveup_to_lei', 'The firm that takes the give-up is not a party to the trade.');
}

function clearingDifference({ clearing_firm_lei: firm, ccp_lei: ccp }: ClearingSubmission, { detail }: ExecutedTrade) {
  const of = (role: string) => detail.parties.filter((party) => party.role === role).map(({ lei }) => lei);
  if (!of('ClearingFirm').includes(firm)) return differs('clearing_firm_lei', 'The trade names another clearing firm.');
  const organizations = of('ClearingOrganization');
  return organizations.length === 0 || organizations.includes(ccp)
    ? undefined
    : differs('ccp_lei', 'The trade names another central counterparty.');
}

function settlementDifference(settlement: SettlementInstruction, trade: ExecutedTrade): CodedError | undefined {
  const { deliverer, receiver, entity_lei: entity } = settlement;
  if (!trade.parties.includes(deliverer.lei)) return differs('deliverer', 'The deliverer is not a party to the trade.');
  if (!trade.parties.includes(receiver.lei)) return differs('receiver', 'The receiver is not a party to the trade.');
  if (deliverer.lei !== entity && receiver.lei !== entity)
    return differs('entity_lei', 'The institution of the settlement is neither deliverer nor receiver.');
  return unitDifference(settlement, trade) ?? directionDifference(settlement, trade);
}

function unitDifference({ ccy, dti }: SettlementInstruction, { price, detail }: ExecutedTrade) {
  if (ccy !== undefined)
    return ccy === price.ccy ? undefined : differs('ccy', `The trade was executed in ${price.ccy}.`);
  return dti === detail.instrument.dti ? undefined : differs('dti', 'The trade was in another instrument.');
}

/** The buyer pays money and receives the instrument; the seller does the opposite. */
function directionDifference({ deliverer, receiver, ccy }: SettlementInstruction, { detail }: ExecutedTrade) {
  const dealer = detail.entity_lei;
  if (deliverer.lei === receiver.lei) return undefined;
  const delivers = (detail.side === 'BUY') === (ccy !== undefined);
  const wrongEnd = delivers ? receiver : deliverer;
  return wrongEnd.lei === dealer
    ? differs(
        delivers ? 'receiver' : 'deliverer',
        `In a trade to ${detail.side.toLowerCase()}, ${dealer} ${delivers ? 'delivers' : 'receives'} this.`,
      )
    : undefined;
}

function differs(field: string, detail: string): CodedError {
  return transactionErrors.error('trade_differs', detail, { facts: { field } });
}

export interface ExecutedTrade {
  readonly id: TransactionId;
  readonly detail: TradeOrder | Rfq;
  readonly state: TransactionState;
  /** The dealing firm, its client, the firms that the order lists and, after a request for quotes, the chosen counterparty. */
  readonly parties: readonly string[];
  readonly quantity: DecimalString;
  readonly price: Money;
  readonly recordId: RecordId;
}

/** @returns undefined if the transaction is not a trade or has no execution */
function executedTradeOf(
  { id, detail, state, initiatorInstitution }: StoredTransaction,
  past: readonly StoredTransition[],
): ExecutedTrade | undefined {
  if (!('max_notional' in detail)) return undefined;
  const { name } = lifeCycleOf(detail);
  const said = past.map((step) => ({ ...step, said: parseTransitionBody(name, step.event, step.body) }));
  const parties = [initiatorInstitution, detail.entity_lei, ...detail.parties.map(({ lei }) => lei)];
  for (const { said: body, recordId } of said) {
    if (body.kind === 'execution')
      return { id, detail, state, parties, quantity: body.executedQty, price: body.price, recordId };
    if (body.kind !== 'deal') continue;
    const price = quotedPrice(said, body.quoteId, body.counterparty);
    if (price === undefined) return undefined;
    return { id, detail, state, parties: [...parties, body.counterparty], quantity: detail.max_qty, price, recordId };
  }
  return undefined;
}

/** The newest quote with this id by that firm, as in `dealFault`. */
function quotedPrice(
  said: readonly { readonly institution: string; readonly said: ReturnType<typeof parseTransitionBody> }[],
  quoteId: string,
  counterparty: Lei,
): Money | undefined {
  for (const { said: body, institution } of said.toReversed())
    if (body.kind === 'quote' && body.quoteId === quoteId && institution === counterparty) return body.price;
  return undefined;
}
