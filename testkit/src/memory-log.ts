import {
  type AuditLog,
  auditLogErrors,
  type EvidenceRecord,
  type LogEntry,
  type RecordDraft,
  requireFit,
} from '@countersign/contracts';
import { type Clock, newId, systemRandom, toInstant } from '@countersign/kernel';
import { standingsIn } from './standings-in.ts';

/** A log in memory that can be read as well, keeps the promises of the contract, and breaks when told to. */
export interface MemoryLog extends Pick<AuditLog, 'append' | 'search' | 'scan' | 'newest' | 'find' | 'standings'> {
  readonly entries: readonly LogEntry[];
  ofType(type: RecordDraft['type']): readonly EvidenceRecord[];
  /** A record of somebody's, written at once. @returns its entry */
  write(draft: Partial<RecordDraft> & Pick<RecordDraft, 'type'>): LogEntry;
  /** From now on it does nothing of the kind. */
  breakDown(what: 'reading' | 'writing'): void;
  repair(): void;
}

export function createMemoryLog(clock: Clock): MemoryLog {
  const entries: LogEntry[] = [];
  const broken = new Set<'reading' | 'writing'>();

  function mustWork(what: 'reading' | 'writing'): void {
    if (broken.has(what)) throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
  }
  function put(draft: RecordDraft): LogEntry {
    // What cannot be written as JSON must fail here as it would there.
    const record = JSON.parse(JSON.stringify({ v: 2, time: toInstant(clock.now()), ...draft })) as EvidenceRecord;
    const entry = { index: BigInt(entries.length), record };
    entries.push(entry);
    return entry;
  }
  const behind = (after: bigint, types: readonly RecordDraft['type'][], limit: number) =>
    entries.filter(({ index, record }) => index > after && types.includes(record.type)).slice(0, limit);

  return {
    entries,
    ofType: (type) => entries.map(({ record }) => record).filter((record) => record.type === type),
    write: (draft) =>
      put({ id: newId('record', { clock, random: systemRandom }), source: 'test', outcome: 'done', ...draft }),
    async append(draft) {
      mustWork('writing');
      requireFit(draft);
      const { index, record } = put(draft);
      return { id: record.id, index, time: record.time };
    },
    async search({ types = [], after = -1n, limit = 1_000 }) {
      mustWork('reading');
      return behind(after, types, limit);
    },
    async scan({ types, after = -1n, limit }) {
      mustWork('reading');
      return behind(after, types, limit).map(({ index, record }) => ({ index, text: JSON.stringify(record) }));
    },
    async newest(types) {
      mustWork('reading');
      return entries.findLast(({ record }) => types.includes(record.type))?.index ?? -1n;
    },
    async find(id) {
      mustWork('reading');
      return entries.find(({ record }) => record.id === id);
    },
    async standings(things) {
      mustWork('reading');
      return standingsIn(
        entries.map(({ record }) => record),
        things,
      );
    },
    breakDown: (what) => void broken.add(what),
    repair: () => broken.clear(),
  };
}
