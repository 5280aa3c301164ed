import {
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  type EvidenceRecord,
  type RecordDraft,
  requireFit,
  type StandingReader,
  wholeDraft,
} from '@countersign/contracts';
import { type Clock, toInstant } from '@countersign/kernel';
import { lastUnderIn, standingsIn } from './standings-in.ts';

/** A log in memory that keeps the promises of the contract, and breaks when told to. */
export interface AuditCollector
  extends AuditAppender,
    StandingReader,
    Pick<AuditLog, 'query' | 'find' | 'search' | 'newest' | 'lastUnder'> {
  readonly records: readonly RecordDraft[];
  ofType(type: RecordDraft['type']): readonly RecordDraft[];
  /** From now on nothing can be made durable. */
  breakDown(): void;
  repair(): void;
}

export function createAuditCollector(clock: Clock): AuditCollector {
  const records: RecordDraft[] = [];
  const times: string[] = [];
  let broken = false;
  const entries = () =>
    records.map((draft, index) => ({
      index: BigInt(index),
      record: { v: 2, time: times[index] ?? '', ...wholeDraft(draft) } as EvidenceRecord,
    }));
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
      const time = toInstant(clock.now());
      times.push(time);
      return { id: draft.id, index: BigInt(records.length - 1), time };
    },
    async standings(things) {
      return standingsIn(records, things);
    },
    async lastUnder(prefixes) {
      return lastUnderIn(records, prefixes);
    },
    async find(id) {
      return entries().find(({ record }) => record.id === id);
    },
    async search({ types = [], after = -1n, limit = 1_000 }) {
      return entries()
        .filter(({ index, record }) => index > after && types.includes(record.type))
        .slice(0, limit);
    },
    async newest(types) {
      return entries().findLast(({ record }) => types.includes(record.type))?.index ?? -1n;
    },
    async query({ person, types }) {
      return records.flatMap((record, index) =>
        (types ?? [record.type]).includes(record.type) &&
        [record.subject, ...(record.actors ?? [])].some((one) => one?.id === person)
          ? [{ index: BigInt(index), record: { v: 2, time: toInstant(clock.now()), ...record } as EvidenceRecord }]
          : [],
      );
    },
    breakDown() {
      broken = true;
    },
    repair() {
      broken = false;
    },
  };
}
