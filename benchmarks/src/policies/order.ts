import type { DecisionInput } from '@countersign/contracts';
import { intentDigestOf, newId, systemClock, systemRandom } from '@countersign/kernel';

const ids = { clock: systemClock, random: systemRandom };

/** A person's order of an ordinary bond, as the order path puts it to the engine. */
export function orderBy(of: {
  readonly principal: string;
  readonly institution: string;
  readonly account: string;
  readonly venue: string;
  readonly instrument: string;
  /** In euro. */
  readonly notional: number;
}): DecisionInput {
  const mandate = { id: newId('mandate', ids), version: 1 };
  const id = newId('transaction', ids);
  const intent = {
    type: 'urn:countersign:rar:v1:trade_order',
    entity_lei: of.institution,
    mandate_id: mandate.id,
    idempotency_key: id,
    not_after: '2030-01-01T00:00:00Z',
    jurisdiction: 'DE',
    account: of.account,
    instrument: { isin: of.instrument, cfi: 'DBFTFB' },
    venue_mic: of.venue,
    side: 'BUY',
    max_qty: '100',
    max_notional: { amount: String(of.notional), ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [],
    client_order_id: id,
  };
  return {
    principal: of.principal,
    action: 'order:create',
    resource: {
      type: 'transaction',
      facts: {
        id,
        state: 'intended',
        version: 0,
        intentType: intent.type,
        intent,
        intentDigest: intentDigestOf(intent),
        initiator: of.principal,
        initiatorInstitution: of.institution,
        mandate,
        approvals: [],
      },
    },
    context: {
      client: 'bench',
      institution: of.institution,
      at: Date.now(),
      scopes: ['order:create'],
      audience: 'https://venue.example',
      mandateStands: true,
      acr: 'phr',
      authTime: Math.floor(Date.now() / 1000) - 60,
    },
  };
}
