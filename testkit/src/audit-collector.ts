import { type AuditAppender, auditLogErrors, type RecordDraft, requireFit } from '@countersign/contracts';
import { type Clock, toInstant } from '@countersign/kernel';

/** A log in memory that keeps the promises of the contract, and breaks when told to. */
export interface AuditCollector extends AuditAppender {
  readonly records: readonly RecordDraft[];
  ofType(type: RecordDraft['type']): readonly RecordDraft[];
  /** From now on nothing can be made durable. */
  breakDown(): void;
  repair(): void;
}

export function createAuditCollector(clock: Clock): AuditCollector {
  const records: RecordDraft[] = [];
  let broken = false;
  return {
    records,
    ofType: (type) => records.filter((record) => record.type === type),
    async append(draft) {
      // As the real one: the answer comes later, so that what must wait for it does.
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (broken) throw auditLogErrors.error('log_unavailable', 'The log is not writable.');
      if (records.some(({ id }) => id === draft.id))
        throw auditLogErrors.error('record_identity_taken', 'A record with this id is in the log.');
      requireFit(draft);
      records.push(structuredClone(draft));
      return { id: draft.id, index: BigInt(records.length - 1), time: toInstant(clock.now()) };
    },
    breakDown() {
      broken = true;
    },
    repair() {
      broken = false;
    },
  };
}
