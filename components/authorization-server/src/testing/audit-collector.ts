import { type AuditAppender, auditLogErrors, type RecordDraft } from '@countersign/contracts';

export interface AuditCollector extends AuditAppender {
  readonly records: readonly RecordDraft[];
  /** From now on nothing can be written, or again. */
  fail(failing: boolean): void;
  last(): RecordDraft;
}

/** Keeps records as the log would write them: as JSON of a bounded size, each under an id of its own. */
export function auditCollector(): AuditCollector {
  const records: RecordDraft[] = [];
  let failing = false;
  return {
    records,
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
      const text = JSON.stringify(record);
      if (text.length > 65_535) throw auditLogErrors.error('record_too_large', 'The record is too large.');
      if (records.some(({ id }) => id === record.id))
        throw auditLogErrors.error('record_identity_taken', 'The id is taken.');
      records.push(JSON.parse(text) as RecordDraft);
      return { id: record.id, index: BigInt(records.length - 1), time: new Date(0).toISOString() };
    },
  };
}
