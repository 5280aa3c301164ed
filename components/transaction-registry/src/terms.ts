import { transactionErrors } from '@countersign/contracts';
import { type CodedError, compareDecimals, type DecimalString, multiplyDecimals } from '@countersign/kernel';
import type { TradeOrder } from '@countersign/market';
import type { Money, TransitionBody } from './transition-body.ts';

/** What earlier events of the transaction said. */
export interface TradeSoFar {
  readonly executed?: { readonly quantity: DecimalString; readonly price: Money };
  readonly cleared?: { readonly quantity: DecimalString };
}

/**
 * Whether what happened stays within what was intended and approved: an execution within the order's quantity,
 * price and notional, what is cleared within what was executed, what is settled within what was cleared.
 *
 * @returns CodedError `terms_exceeded`, or undefined when everything is within the terms
 */
export function termsFault(order: TradeOrder, soFar: TradeSoFar, body: TransitionBody): CodedError | undefined {
  switch (body.event) {
    case 'submit':
    case 'cancel':
      return undefined;
    case 'execute':
      return executionFault(order, body.executedQty, body.price);
    case 'clear':
      return quantityFault('cleared_qty', body.clearedQty, 'executed', soFar.executed?.quantity);
    case 'settle':
      return (
        quantityFault('settled_qty', body.settledQty, 'cleared', soFar.cleared?.quantity) ??
        amountFault(body.amount, soFar)
      );
  }
}

function executionFault(order: TradeOrder, quantity: DecimalString, price: Money): CodedError | undefined {
  if (compareDecimals(quantity, order.max_qty) > 0)
    return exceeded('executed_qty', `The executed quantity ${quantity} is above the order's ${order.max_qty}.`);
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
  const notional = multiplyDecimals(quantity, price.amount);
  return compareDecimals(notional, order.max_notional.amount) > 0
    ? exceeded(
        'price',
        `The notional ${notional} is above the order's ${order.max_notional.amount} ${order.max_notional.ccy}.`,
      )
    : undefined;
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

function amountFault(amount: Money | undefined, { executed }: TradeSoFar): CodedError | undefined {
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
