import { type AuditLog, auditLogErrors, type EvidenceRecord, type HoldScope } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { createMemoryLog, type MemoryLog } from '@countersign/testkit';

/** A log in memory in which records are found by what they are about, and which breaks when told to. */
export interface SmallLog extends MemoryLog, Pick<AuditLog, 'query'> {
  /** From now on nothing can be found by what it is about. */
  fallBehind(): void;
}

export function createSmallLog(clock: Clock): SmallLog {
  const log = createMemoryLog(clock);
  let behind = false;
  return {
    ...log,
    async query({ after = -1n, limit = 1_000, ...scope }) {
      if (behind) throw auditLogErrors.error('query_behind', 'The index is far behind the log.');
      return log.entries.filter(({ index, record }) => index > after && keeps(scope, record)).slice(0, limit);
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
