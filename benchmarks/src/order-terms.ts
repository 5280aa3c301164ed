import { randomUUID } from 'node:crypto';
import { digestOf } from '@countersign/kernel';

/** Every mandate of the benchmark lasts longer than a run; a sub-mandate ends with its parent. */
const startedAt = Date.now();
const dayMs = 86_400_000;

export const mandateTerms = {
  legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17, annex B' },
  termsHash: digestOf('the terms of the benchmark'),
  effectiveFrom: new Date(startedAt - dayMs).toISOString(),
  effectiveUntil: new Date(startedAt + 300 * dayMs).toISOString(),
} as const;

export const mandateConstraints = {
  actions: ['order:create', 'order:cancel', 'settlement:instruct'],
  productClasses: ['DB', 'ES'],
  jurisdictions: ['DE'],
  notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
  notionalPerDay: { amount: '100000000000', ccy: 'EUR' },
} as const;

/** Quantity and price are small, so that no limit is reached in a day of measuring. */
export const orderQuantity = '100';
export const orderPrice = { amount: '1', ccy: 'EUR' };

/** The details of an order of the benchmark's bond. Each order is a different intent. */
export function orderTerms(of: {
  readonly entity: string;
  readonly mandate: string;
  readonly account: string;
  readonly venueMic: string;
  readonly locations: readonly string[];
  readonly parties: Readonly<Record<'broker' | 'venue' | 'clearing' | 'custodian', string>>;
}) {
  const number = randomUUID();
  const { broker, venue, clearing, custodian } = of.parties;
  return {
    type: 'urn:countersign:rar:v1:trade_order',
    actions: ['create', 'execute', 'clear', 'settle'],
    locations: of.locations,
    entity_lei: of.entity,
    mandate_id: of.mandate,
    idempotency_key: `order-${number}`,
    client_order_id: `C-${number.slice(0, 8)}`,
    not_after: '2099-12-31T17:30:00Z',
    jurisdiction: 'DE',
    account: of.account,
    instrument: { isin: 'DE000EXMPL17', cfi: 'DBFTFB' },
    venue_mic: of.venueMic,
    side: 'BUY',
    max_qty: orderQuantity,
    limit_price: orderPrice,
    max_notional: { amount: orderQuantity, ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [
      { role: 'ExecutingBroker', lei: broker },
      { role: 'ExecutionFacility', lei: venue },
      { role: 'ClearingFirm', lei: clearing },
      { role: 'Custodian', lei: custodian },
    ],
  } as const;
}
