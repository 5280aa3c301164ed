import {
  type AuditLog,
  auditLogErrors,
  type EvidenceRecord,
  type LogEntry,
  type RecordDraft,
  requireFit,
} from '@countersign/contracts';
import { type Clock, type Json, newId, systemRandom, toInstant } from '@countersign/kernel';

/** A log in memory that keeps the promises of the contract, and breaks when told to. */
export interface SmallLog extends Pick<AuditLog, 'append' | 'scan' | 'newest' | 'find'> {
  readonly entries: readonly LogEntry[];
  ofType(type: RecordDraft['type']): readonly EvidenceRecord[];
  /** A record of somebody's, written at once. @returns its entry */
  write(draft: Omit<RecordDraft, 'id' | 'source' | 'outcome'>): LogEntry;
  /** From now on it answers nothing of the kind. */
  breakDown(what: 'reading' | 'writing'): void;
  repair(): void;
  /** How often it was scanned. */
  readonly scans: number;
}

export function createSmallLog(clock: Clock): SmallLog {
  const entries: LogEntry[] = [];
  const broken = new Set<'reading' | 'writing'>();
  let scans = 0;

  function mustWork(what: 'reading' | 'writing'): void {
    if (broken.has(what)) throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
  }
  function put(draft: RecordDraft): LogEntry {
    // What cannot be written as JSON must fail here as it would there.
    const record = JSON.parse(JSON.stringify({ v: 1, time: toInstant(clock.now()), ...draft })) as EvidenceRecord;
    const entry = { index: BigInt(entries.length), record };
    entries.push(entry);
    return entry;
  }

  // As every log begins.
  put({ id: newId('record', { clock, random: systemRandom }), type: 'log.opened', source: 'test', outcome: 'done' });
  return {
    entries,
    ofType: (type) => entries.map(({ record }) => record).filter((record) => record.type === type),
    write: (draft) =>
      put({ ...draft, id: newId('record', { clock, random: systemRandom }), source: 'test', outcome: 'done' }),
    async append(draft) {
      mustWork('writing');
      requireFit(draft);
      const { index, record } = put(draft);
      return { id: record.id, index, time: record.time };
    },
    async scan({ types, after = -1n, limit }) {
      mustWork('reading');
      scans += 1;
      return entries
        .filter(({ index, record }) => index > after && types.includes(record.type))
        .slice(0, limit)
        .map(({ index, record }) => ({ index, text: JSON.stringify(record) }));
    },
    async newest(types) {
      mustWork('reading');
      return entries.findLast(({ record }) => types.includes(record.type))?.index ?? -1n;
    },
    async find(id) {
      mustWork('reading');
      return entries.find(({ record }) => record.id === id);
    },
    breakDown: (what) => void broken.add(what),
    repair: () => broken.clear(),
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
