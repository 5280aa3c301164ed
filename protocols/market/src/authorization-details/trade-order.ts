import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { algo, common, decimal, identifier, instrument, mic, money, parties } from './fields.ts';

export const sides = ['BUY', 'SELL'] as const;
export type Side = (typeof sides)[number];

/** Time in force, as FIX 59 names its values: 0 DAY, 1 GTC, 2 OPG, 3 IOC, 4 FOK, 6 GTD, 7 ATC. */
export const timesInForce = ['DAY', 'GTC', 'OPG', 'IOC', 'FOK', 'GTD', 'ATC'] as const;
export type TimeInForce = (typeof timesInForce)[number];

/** Trading capacity (RTS 22 field 29): on own account, matched principal, any other capacity (agency). */
export const capacities = ['DEAL', 'MTCH', 'AOTC'] as const;
export type Capacity = (typeof capacities)[number];

/** The fields that an order and a request for quote share. */
export const orderFields = () => ({
  account: identifier(),
  instrument: instrument(),
  venue_mic: mic(),
  side: Type.Enum([...sides]),
  max_qty: decimal(),
  /** Absent for a market order. A price may be finer than the currency's minor unit. */
  limit_price: Type.Optional(money()),
  max_notional: money(),
  tif: Type.Enum([...timesInForce]),
  capacity: Type.Enum([...capacities]),
  parties: parties(),
  /** Absent if no algorithm decides or executes. */
  algo: Type.Optional(algo()),
  client_order_id: identifier(),
});

export const tradeOrderActions = ['create', 'amend', 'cancel', 'execute', 'clear', 'settle'] as const;
export type TradeOrderAction = (typeof tradeOrderActions)[number];

export const tradeOrderShape = shapeOf(
  Type.Object(
    { ...common('urn:countersign:rar:v1:trade_order', tradeOrderActions), ...orderFields() },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type TradeOrder = Static<typeof tradeOrderShape.schema>;
