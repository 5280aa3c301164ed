import type { JsonObject } from '../jws.ts';

export const issuer = 'https://as.example';
export const audience = 'https://venue.example/orders';
/** Milliseconds since the epoch. */
export const now = 1_800_000_000_000;
export const seconds = now / 1000;

/** A trade order with valid codes: an authorization detail for a token. */
const tradeOrder = {
  type: 'urn:countersign:rar:v1:trade_order',
  locations: [audience],
  actions: ['create'],
  entity_lei: '529900T8BM49AURSDO55',
  mandate_id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3',
  idempotency_key: 'order-0001',
  not_after: '2027-01-15T08:05:00Z',
  jurisdiction: 'DE',
  account: 'ACC-1',
  instrument: { isin: 'DE0007164600', cfi: 'ESVUFR' },
  venue_mic: 'XETR',
  side: 'BUY',
  max_qty: '100',
  max_notional: { amount: '15000', ccy: 'EUR' },
  tif: 'DAY',
  capacity: 'AOTC',
  parties: [],
  client_order_id: 'C-1',
};

/** An access token's claims with every optional claim, as JSON. */
export function fullClaims(jkt: string): JsonObject {
  return {
    iss: issuer,
    sub: 'agent:vwap-1',
    aud: audience,
    client_id: 'vwap-engine',
    iat: seconds,
    exp: seconds + 300,
    jti: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3',
    scope: 'order:cancel order:create',
    cnf: { jkt },
    lei: '529900T8BM49AURSDO55',
    txn: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3',
    act: { sub: 'service:venue', act: { sub: 'service:oms' } },
    may_act: { sub: 'service:clearing' },
    authorization_details: [tradeOrder],
    mandate: { id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3', version: 2 },
    intent_digest: 'A'.repeat(43),
    policy_version: 3,
    evidence: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3',
    acr: 'urn:example:hardware',
    auth_time: seconds - 600,
  };
}
