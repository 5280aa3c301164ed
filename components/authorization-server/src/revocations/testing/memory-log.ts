import { type AuditLog, auditLogErrors, type EvidenceRecord, type RecordDraft } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { standingsIn, standingsUnderIn } from '@countersign/testkit';

/** A log in memory that several nodes can share: what is appended can be searched, in order. */
export function memoryLog(clock: Clock): Pick<
  AuditLog,
  'append' | 'search' | 'find' | 'query' | 'standings' | 'standingsUnder'
> & {
  readonly records: readonly EvidenceRecord[];
  readonly searches: () => number;
  fail(failing: boolean): void;
} {
  const records: EvidenceRecord[] = [];
  let failing = false;
  let searches = 0;
  const requireWorking = (): void => {
    if (failing) throw auditLogErrors.error('log_unavailable', 'The log cannot be reached now.');
  };
  return {
    records,
    searches: () => searches,
    fail(now) {
      failing = now;
    },
    async append(draft: RecordDraft) {
      requireWorking();
      const time = new Date(clock.now()).toISOString();
      records.push({ v: 1, time, ...draft });
      return { id: draft.id, index: BigInt(records.length - 1), time };
    },
    async find(id) {
      const index = records.findIndex((record) => record.id === id);
      const record = records[index];
      return record === undefined ? undefined : { index: BigInt(index), record };
    },
    async query({ types, from = 0, until = Number.POSITIVE_INFINITY }) {
      requireWorking();
      return records
        .map((record, index) => ({ index: BigInt(index), record }))
        .filter(
          ({ record }) => (types?.includes(record.type) ?? true) && between(Date.parse(record.time), from, until),
        );
    },
    async standings(things) {
      requireWorking();
      return standingsIn(records, things);
    },
    async standingsUnder(prefix, page) {
      requireWorking();
      return standingsUnderIn(records, prefix, page);
    },
    async search({ types, after = -1n, limit = 1_000 }) {
      requireWorking();
      searches++;
      return records
        .map((record, index) => ({ index: BigInt(index), record }))
        .filter(({ index, record }) => index > after && (types?.includes(record.type) ?? true))
        .slice(0, limit);
    },
  };
}

function between(time: number, from: number, until: number): boolean {
  return time >= from && time < until;
}
