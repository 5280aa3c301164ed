import type { Json } from '@countersign/kernel';

export const leis = {
  fund: '5493001KJTIIGC8Y1R12',
  broker: '213800WAVVOPS85N2205',
  venue: '529900T8BM49AURSDO55',
  stranger: 'HWUPKR0MPOU8FGXBT394',
} as const;

/** The members of a mandate's version that events use. */
export const version = (change: Readonly<Record<string, Json>> = {}) => ({
  kind: 'mandate',
  version: 1,
  status: 'proposed',
  grantor: { lei: leis.fund, role: 'Client' },
  grantee: { lei: leis.broker, role: 'ExecutingBroker' },
  constraints: { notionalPerOrder: { amount: '5000000', ccy: 'EUR' } },
  legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17' },
  consents: [{ signatory: 'person:frank.fund', lei: leis.fund }],
  digest: 'sha-256:abc',
  signature: { kid: 'k', algorithm: 'ES256', value: 'c2ln' },
  ...change,
});
