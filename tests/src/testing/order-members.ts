import { randomUUID } from 'node:crypto';
import { doors, leis } from './firms.ts';

/** The members of every order of the arranger, except its mandate and amount. */
export function orderMembers() {
  return {
    type: 'urn:countersign:rar:v1:trade_order',
    actions: ['create', 'execute', 'clear', 'settle'],
    locations: [doors.broker, doors.venue, doors.clearing, doors.custodian],
    entity_lei: leis.arranger,
    client_order_id: `C-${randomUUID().slice(0, 8)}`,
    not_after: '2035-12-31T17:30:00Z',
    jurisdiction: 'DE',
    account: 'NLAM-0042',
    instrument: { isin: 'DE000EXMPL17', cfi: 'DBFTFB' },
    venue_mic: 'XEUR',
    side: 'BUY',
    limit_price: { amount: '101.25', ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [
      { role: 'ExecutingBroker', lei: leis.broker },
      { role: 'ExecutionFacility', lei: leis.venue },
      { role: 'ClearingFirm', lei: leis.clearing },
      { role: 'Custodian', lei: leis.custodian },
    ],
  };
}
