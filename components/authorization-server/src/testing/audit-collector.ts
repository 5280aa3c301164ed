import { type AuditLog, auditLogErrors, type RecordDraft, requireFit, wholeDraft } from '@countersign/contracts';
import { standingsIn, standingsUnderIn } from '@countersign/testkit';

export interface AuditCollector
  extends Pick<AuditLog, 'append' | 'search' | 'find' | 'query' | 'standings' | 'standingsUnder'> {
  /** As they are read back. */
  readonly records: readonly RecordDraft[];
  /** As they were handed over: without what is protected, but for who declares it. */
  readonly drafts: readonly RecordDraft[];
  /** From now on nothing can be written, or again. */
  fail(failing: boolean): void;
  last(): RecordDraft;
}

const time = new Date(0).toISOString();

/** Keeps records as the log would write them: as JSON of a bounded size, each under an id of its own. */
export function auditCollector(): AuditCollector {
  const records: RecordDraft[] = [];
  const drafts: RecordDraft[] = [];
  let failing = false;
  return {
    records,
    drafts,
    fail(now) {
      failing = now;
    },
    last() {
      const record = records.at(-1);
      if (record === undefined) throw new Error('nothing was recorded');
      return record;
    },
    async append(record) {
      if (failing) throw auditLogErrors.error('log_unavailable', 'The log cannot be written now.');
      // Those of other components are made up.
      if (record.source === 'authorization-server') requireFit(record);
      const text = JSON.stringify(wholeDraft(record));
      if (text.length > 65_535) throw auditLogErrors.error('record_too_large', 'The record is too large.');
      if (records.some(({ id }) => id === record.id))
        throw auditLogErrors.error('record_identity_taken', 'The id is taken.');
      records.push(JSON.parse(text) as RecordDraft);
      drafts.push(record);
      return { id: record.id, index: BigInt(records.length - 1), time };
    },
    async find(id) {
      const index = records.findIndex((record) => record.id === id);
      const record = records[index];
      return record === undefined ? undefined : { index: BigInt(index), record: { v: 1 as const, time, ...record } };
    },
    async standings(things) {
      if (failing) throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
      return standingsIn(records, things);
    },
    async standingsUnder(prefix, page) {
      if (failing) throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
      return standingsUnderIn(records, prefix, page);
    },
    async query({ person, types }) {
      return records.flatMap((record, index) =>
        (types ?? [record.type]).includes(record.type) &&
        (person === undefined || [record.subject, ...(record.actors ?? [])].some((one) => one?.id === person))
          ? [{ index: BigInt(index), record: { v: 1 as const, time, ...record } }]
          : [],
      );
    },
    async search({ types, after = -1n, limit = 1_000 }) {
      return records
        .map((record, index) => ({ index: BigInt(index), record: { v: 1 as const, time, ...record } }))
        .filter(({ index, record }) => index > after && (types?.includes(record.type) ?? true))
        .slice(0, limit);
    },
  };
}
