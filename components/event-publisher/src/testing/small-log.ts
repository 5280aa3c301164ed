import type { Clock, Json } from '@countersign/kernel';
import { createMemoryLog, type MemoryLog } from '@countersign/testkit';

/** A log in memory that begins as every log does, and breaks when told to. */
export interface SmallLog extends MemoryLog {
  /** How often it was scanned. */
  readonly scans: number;
}

export function createSmallLog(clock: Clock): SmallLog {
  const log = createMemoryLog(clock);
  let scans = 0;
  log.write({ type: 'log.opened' });
  return {
    ...log,
    async scan(query) {
      const found = await log.scan(query);
      scans += 1;
      return found;
    },
    get scans() {
      return scans;
    },
  };
}

export const leis = {
  fund: '5493001KJTIIGC8Y1R12',
  broker: '213800WAVVOPS85N2205',
  venue: '529900T8BM49AURSDO55',
  stranger: 'HWUPKR0MPOU8FGXBT394',
} as const;

/** A mandate's version, as far as events are about it. */
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
