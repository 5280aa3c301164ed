import { CodedError, type MandateId } from '@countersign/kernel';
import { parseAuthorizationDetail, type TradeOrder, type TradeOrderAction } from './authorization-details/index.ts';
import type { VenueRegistry } from './codes/index.ts';
import { type Order, type OrderProblem, parseOrderRow } from './order-row.ts';
import { accept, type Parsed, refuse } from './parsed.ts';

export type { Order, OrderProblem } from './order-row.ts';

export interface AcceptedOrder {
  readonly row: number;
  readonly order: Order;
}

/** A refused order with all its problems. `code` and `detail` are those of the first problem. */
export interface RefusedOrder {
  readonly row: number;
  /** The id as given, if readable, so that the sender can find the order. */
  readonly clientOrderId?: string;
  readonly code: string;
  readonly detail: string;
  readonly problems: readonly [OrderProblem, ...OrderProblem[]];
}

export interface OrderFile {
  readonly orders: readonly AcceptedOrder[];
  readonly refusals: readonly RefusedOrder[];
}

/**
 * A JSON array of at most `maxOrders` {@link Order}s. An invalid order is refused under its row number with a code for
 * each problem. The later of two rows with the same client order id or idempotency key is refused.
 *
 * @param context.at milliseconds since the epoch, for venues and deadlines
 */
export function parseOrderFile(
  value: unknown,
  context: { readonly venues: VenueRegistry; readonly at: number; readonly maxOrders?: number },
): Parsed<OrderFile, 'order_file_malformed' | 'order_file_too_long'> {
  const maxOrders = context.maxOrders ?? 10_000;
  if (!Array.isArray(value)) return refuse('order_file_malformed', 'An order file is a JSON array of orders.');
  if (value.length > maxOrders)
    return refuse(
      'order_file_too_long',
      `The file holds ${value.length} orders; at most ${maxOrders} are taken at once.`,
    );

  const orders: AcceptedOrder[] = [];
  const refusals: RefusedOrder[] = [];
  const clientOrderIds = new Map<string, number>();
  const idempotencyKeys = new Map<string, number>();
  for (const [index, item] of value.entries()) {
    const row = index + 1;
    const clientOrderId = shortText(item, 'clientOrderId');
    const repeats = [
      ...repeated(clientOrderIds, clientOrderId, row, { field: '/clientOrderId', code: 'client_order_id_twice' }),
      ...repeated(idempotencyKeys, shortText(item, 'idempotencyKey'), row, {
        field: '/idempotencyKey',
        code: 'idempotency_key_twice',
      }),
    ];
    const parsed = parseOrderRow(item, context);
    if (parsed.ok && repeats.length === 0) {
      orders.push({ row, order: parsed.order });
      continue;
    }
    const [first, ...others] = [...(parsed.ok ? [] : parsed.problems), ...repeats];
    if (first === undefined) continue;
    refusals.push({
      row,
      code: first.code,
      detail: first.detail,
      problems: [first, ...others],
      ...(clientOrderId === undefined ? {} : { clientOrderId }),
    });
  }
  return accept({ orders, refusals });
}

function repeated(
  seen: Map<string, number>,
  text: string | undefined,
  row: number,
  problem: { readonly field: string; readonly code: string },
): OrderProblem[] {
  const earlier = text === undefined ? undefined : seen.get(text);
  if (text !== undefined && earlier === undefined) seen.set(text, row);
  return earlier === undefined ? [] : [{ ...problem, detail: `Row ${earlier} has the same.` }];
}

/** Reads text of at most 64 visible characters from a row that has not been validated yet. */
function shortText(item: unknown, key: string): string | undefined {
  const value: unknown =
    typeof item === 'object' && item !== null ? Object.getOwnPropertyDescriptor(item, key)?.value : undefined;
  return typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value) ? value : undefined;
}

/**
 * The detail that requests exactly this order.
 *
 * @throws CodedError `order_mandate_mismatch`; `invalid_authorization_details` if locations or actions are not valid
 */
export function orderToAuthorizationDetail(
  order: Order,
  under: {
    readonly mandateId: MandateId;
    readonly locations: readonly string[];
    readonly actions: readonly TradeOrderAction[];
  },
): TradeOrder {
  if (order.mandateId !== undefined && order.mandateId !== under.mandateId)
    throw new CodedError({
      code: 'order_mandate_mismatch',
      category: 'conflict',
      detail: `The order names mandate ${order.mandateId} and would be asked for under ${under.mandateId}.`,
    });
  const detail: TradeOrder = {
    type: 'urn:countersign:rar:v1:trade_order',
    locations: [...under.locations],
    actions: [...under.actions],
    entity_lei: order.entityLei,
    mandate_id: under.mandateId,
    idempotency_key: order.idempotencyKey,
    not_after: order.notAfter,
    jurisdiction: order.jurisdiction,
    account: order.account,
    instrument: { isin: order.isin, cfi: order.cfi },
    venue_mic: order.venueMic,
    side: order.side,
    max_qty: order.quantity,
    ...(order.limitPrice === undefined ? {} : { limit_price: { amount: order.limitPrice, ccy: order.currency } }),
    max_notional: { amount: order.notional, ccy: order.currency },
    tif: order.timeInForce,
    capacity: order.capacity,
    parties: order.parties.map(({ role, lei }) => ({ role, lei })),
    ...(order.algo === undefined ? {} : { algo: algoOf(order.algo) }),
    client_order_id: order.clientOrderId,
  };
  const parsed = parseAuthorizationDetail(detail);
  if (!parsed.ok)
    throw new CodedError({
      code: parsed.code,
      category: 'invalid',
      detail: parsed.detail,
      facts: { path: parsed.path, problem: parsed.problem },
    });
  return detail;
}

function algoOf(algo: NonNullable<Order['algo']>): NonNullable<TradeOrder['algo']> {
  return {
    model_id: algo.modelId,
    version: algo.version,
    artifact_sha256: algo.artifactSha256,
    ...(algo.certId === undefined ? {} : { cert_id: algo.certId }),
  };
}
