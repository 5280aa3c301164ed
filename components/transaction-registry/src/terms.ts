import { type DirectorySnapshot, transactionErrors } from '@countersign/contracts';
import { type CodedError, compareDecimals, type DecimalString, multiplyDecimals, toInstant } from '@countersign/kernel';
import { type AuthorizationDetail, instrumentId, type Rfq, type TradeOrder } from '@countersign/market';
import type { Attempt } from './attempt.ts';
import type { LifeCycle } from './life-cycles/index.ts';
import type { StoredTransition } from './store/store.ts';
import { type Money, parseTransitionBody, type TransitionBody } from './transition-request.ts';

interface Before {
  readonly executed?: { readonly quantity: DecimalString; readonly price: Money };
  readonly cleared?: { readonly quantity: DecimalString };
  readonly quotes: readonly {
    readonly by: string;
    readonly id: string;
    readonly price: Money;
    readonly validUntil: number;
  }[];
}

/**
 * Executions against the order, clearing against the execution, settlement against clearing, and deals against a valid
 * quote.
 */
export function termsFault(
  { transaction, cycle, past, body, now }: Attempt,
  directory: Pick<DirectorySnapshot, 'instrument'>,
): CodedError | undefined {
  const { detail } = transaction;
  const before = saidBefore(cycle, past);
  switch (body.kind) {
    case 'plain':
    case 'moved':
    case 'quote':
      return undefined;
    case 'execution':
      return isDealing(detail) ? executionFault(detail, body.executedQty, body.price, directory) : undefined;
    case 'clearing':
      return quantityFault('cleared_qty', body.clearedQty, 'executed', before.executed?.quantity);
    case 'settlement':
      return (
        quantityFault('settled_qty', body.settledQty, 'cleared', before.cleared?.quantity) ??
        amountFault(body.amount, before)
      );
    case 'deal':
      return isDealing(detail) ? dealFault(detail, body, before, { directory, now }) : undefined;
  }
}

function saidBefore({ name }: LifeCycle, past: readonly StoredTransition[]): Before {
  const said = past.map(({ event, body, institution }) => ({
    by: institution,
    body: parseTransitionBody(name, event, body),
  }));
  const executed = said.map(({ body }) => body).find((body) => body.kind === 'execution');
  const cleared = said.map(({ body }) => body).find((body) => body.kind === 'clearing');
  return {
    ...(executed === undefined ? {} : { executed: { quantity: executed.executedQty, price: executed.price } }),
    ...(cleared === undefined ? {} : { cleared: { quantity: cleared.clearedQty } }),
    quotes: said
      .flatMap(({ by, body }) =>
        body.kind === 'quote' ? [{ by, id: body.quoteId, price: body.price, validUntil: body.validUntil }] : [],
      )
      .reverse(),
  };
}

function isDealing(detail: AuthorizationDetail): detail is TradeOrder | Rfq {
  return 'max_notional' in detail;
}

function executionFault(
  order: TradeOrder | Rfq,
  quantity: DecimalString,
  price: Money,
  directory: Pick<DirectorySnapshot, 'instrument'>,
): CodedError | undefined {
  if (compareDecimals(quantity, order.max_qty) > 0)
    return exceeded('executed_qty', `The executed quantity ${quantity} is above the order's ${order.max_qty}.`);
  return priceFault(order, quantity, price, directory);
}

function priceFault(
  order: TradeOrder | Rfq,
  quantity: DecimalString,
  price: Money,
  directory: Pick<DirectorySnapshot, 'instrument'>,
): CodedError | undefined {
  if (price.ccy !== order.max_notional.ccy)
    return exceeded('price', `The price is in ${price.ccy}, the order in ${order.max_notional.ccy}.`);
  const limit = order.limit_price;
  if (limit !== undefined) {
    // A price in another currency than the limit cannot be within it.
    if (limit.ccy !== price.ccy)
      return exceeded('price', `The price is in ${price.ccy}, the limit price in ${limit.ccy}.`);
    const worse = compareDecimals(price.amount, limit.amount) * (order.side === 'BUY' ? 1 : -1);
    if (worse > 0)
      return exceeded(
        'price',
        `The price ${price.amount} is worse than the limit ${limit.amount} of an order to ${order.side.toLowerCase()}.`,
      );
  }
  const instrument = directory.instrument(instrumentId(order.instrument) ?? '');
  const worth = multiplyDecimals(quantity, price.amount);
  const notional = instrument === undefined ? worth : multiplyDecimals(worth, instrument.priceMultiplier);
  return compareDecimals(notional, order.max_notional.amount) > 0
    ? exceeded(
        'price',
        `The notional ${notional} is above the order's ${order.max_notional.amount} ${order.max_notional.ccy}.`,
      )
    : undefined;
}

/** The whole quantity is dealt at the price of the quote. */
function dealFault(
  rfq: TradeOrder | Rfq,
  { quoteId, counterparty }: Extract<TransitionBody, { kind: 'deal' }>,
  { quotes }: Before,
  { directory, now }: { readonly directory: Pick<DirectorySnapshot, 'instrument'>; readonly now: number },
): CodedError | undefined {
  const quote = quotes.find(({ id, by }) => id === quoteId && by === counterparty);
  if (quote === undefined) return exceeded('quote_id', 'The counterparty has given no quote with this id.');
  if ('quote_id' in rfq && rfq.quote_id !== undefined && rfq.quote_id !== quoteId)
    return exceeded('quote_id', `The intent names the quote ${rfq.quote_id}.`);
  if (quote.validUntil <= now)
    return transactionErrors.error('intent_expired', `The quote expired at ${toInstant(quote.validUntil)}.`);
  return priceFault(rfq, rfq.max_qty, quote.price, directory);
}

function quantityFault(
  field: string,
  quantity: DecimalString,
  before: string,
  bound: DecimalString | undefined,
): CodedError | undefined {
  if (bound !== undefined && compareDecimals(quantity, bound) <= 0) return undefined;
  return exceeded(field, `The quantity ${quantity} is above the ${bound ?? 'unknown'} that was ${before}.`);
}

function amountFault(amount: Money | undefined, { executed }: Before): CodedError | undefined {
  if (amount === undefined || executed === undefined) return undefined;
  const notional = multiplyDecimals(executed.quantity, executed.price.amount);
  return amount.ccy !== executed.price.ccy || compareDecimals(amount.amount, notional) > 0
    ? exceeded(
        'amount',
        `The amount ${amount.amount} ${amount.ccy} is above the ${notional} ${executed.price.ccy} executed.`,
      )
    : undefined;
}

function exceeded(field: string, detail: string): CodedError {
  return transactionErrors.error('terms_exceeded', detail, { facts: { field } });
}
