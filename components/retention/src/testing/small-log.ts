import {
  type AuditLog,
  auditLogErrors,
  type EvidenceQuery,
  type EvidenceRecord,
  type HoldScope,
  type LogEntry,
  type RecordDraft,
  requireFit,
} from '@countersign/contracts';
import { type Clock, newId, systemRandom, toInstant } from '@countersign/kernel';

/** A log in memory that keeps the promises of the contract, and breaks when told to. */
export interface SmallLog extends Pick<AuditLog, 'append' | 'search' | 'query'> {
  readonly entries: readonly LogEntry[];
  ofType(type: RecordDraft['type']): readonly EvidenceRecord[];
  /** A record of somebody's, written at once. */
  write(draft: Partial<RecordDraft> & Pick<RecordDraft, 'type'>): EvidenceRecord;
  /** From now on nothing can be written. */
  breakDown(): void;
  repair(): void;
  /** From now on nothing can be found by what it is about. */
  fallBehind(): void;
}

export function createSmallLog(clock: Clock): SmallLog {
  const entries: LogEntry[] = [];
  let broken = false;
  let behind = false;

  function put(draft: RecordDraft): LogEntry {
    // What cannot be written as JSON must fail here as it would there.
    const record = JSON.parse(JSON.stringify({ v: 2, time: toInstant(clock.now()), ...draft })) as EvidenceRecord;
    const entry = { index: BigInt(entries.length), record };
    entries.push(entry);
    return entry;
  }
  function after(place: bigint | undefined, limit = 1_000): (found: readonly LogEntry[]) => readonly LogEntry[] {
    return (found) => found.filter(({ index }) => index > (place ?? -1n)).slice(0, limit);
  }

  return {
    entries,
    ofType: (type) => entries.map(({ record }) => record).filter((record) => record.type === type),
    write: (draft) =>
      put({ id: newId('record', { clock, random: systemRandom }), source: 'test', outcome: 'done', ...draft }).record,
    async append(draft) {
      if (broken) throw auditLogErrors.error('log_unavailable', 'The log cannot be written to now.');
      // What the small custody writes in place of the log's own is not a writer's.
      if (draft.source === 'retention') requireFit(draft);
      const { index, record } = put(draft);
      return { id: record.id, index, time: record.time };
    },
    async search({ types = [], after: place, limit }) {
      return after(place, limit)(entries.filter(({ record }) => types.includes(record.type)));
    },
    async query({ after: place, limit, ...scope }: EvidenceQuery) {
      if (behind) throw auditLogErrors.error('query_behind', 'The index is far behind the log.');
      return after(place, limit)(entries.filter(({ record }) => keeps(scope, record)));
    },
    breakDown() {
      broken = true;
    },
    repair() {
      broken = false;
    },
    fallBehind() {
      behind = true;
    },
  };
}

/** As much of the query as the tests of this room ask. */
export function keeps(scope: HoldScope, { type, transaction, subject, actors = [], time }: EvidenceRecord): boolean {
  const people = [...(subject === undefined ? [] : [subject]), ...actors];
  const at = Date.parse(time);
  return (
    (scope.transaction === undefined || scope.transaction === transaction) &&
    (scope.types === undefined || scope.types.includes(type)) &&
    [scope.person, scope.agent].every((id) => id === undefined || people.some((person) => person.id === id)) &&
    (scope.institution === undefined || people.some(({ institution }) => institution === scope.institution)) &&
    at >= (scope.from ?? at) &&
    at < (scope.until ?? at + 1)
  );
}
