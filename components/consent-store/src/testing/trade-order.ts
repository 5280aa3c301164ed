import { parseAuthorizationDetails, type TradeOrder } from '@countersign/market';
import { broker, clearer, custodian, venue } from './firms.ts';

/** An order of the broker under a mandate, as an authorization detail. */
export function tradeOrder(mandate: string, changes: Readonly<Record<string, unknown>> = {}): TradeOrder {
  const parsed = parseAuthorizationDetails([
    {
      type: 'urn:countersign:rar:v1:trade_order',
      locations: ['https://venue.example/orders'],
      actions: ['create'],
      entity_lei: broker,
      mandate_id: mandate,
      idempotency_key: 'order-0001',
      not_after: '2026-06-15T18:00:00Z',
      jurisdiction: 'DE',
      account: 'FUND-1',
      instrument: { isin: 'DE0007164600', cfi: 'ESVUFR' },
      venue_mic: 'XETR',
      side: 'BUY',
      max_qty: '1000',
      limit_price: { amount: '120', ccy: 'EUR' },
      max_notional: { amount: '120000', ccy: 'EUR' },
      tif: 'DAY',
      capacity: 'AOTC',
      parties: [
        { role: 'ExecutingBroker', lei: broker },
        { role: 'ExecutionFacility', lei: venue },
        { role: 'ClearingFirm', lei: clearer },
        { role: 'Custodian', lei: custodian },
      ],
      client_order_id: 'C-1',
      ...changes,
    },
  ]);
  const detail = parsed.ok ? parsed.value[0] : undefined;
  if (detail?.type !== 'urn:countersign:rar:v1:trade_order')
    throw new Error(parsed.ok ? 'it is no trade order' : `${parsed.path}: ${parsed.detail}`);
  return detail;
}
