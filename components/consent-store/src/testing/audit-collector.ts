import {
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  type EvidenceRecord,
  type RecordDraft,
  type RecordReceipt,
  requireFit,
  type StandingReader,
  wholeDraft,
} from '@countersign/contracts';
import { type Clock, toInstant } from '@countersign/kernel';
import { asSomebodyElse } from '@countersign/runtime';
import { lastUnderIn, standingsIn } from '@countersign/testkit';

/** A log in memory that keeps the promises of the contract, and breaks when told to; or such a view of a real one. */
export interface AuditCollector
  extends AuditAppender,
    StandingReader,
    Pick<AuditLog, 'find' | 'search' | 'newest' | 'lastUnder'> {
  /** As they are read back. */
  readonly records: readonly RecordDraft[];
  /** As they were handed over: without what is protected, but for who declares it. */
  readonly drafts: readonly RecordDraft[];
  ofType(type: RecordDraft['type']): readonly RecordDraft[];
  /** From now on nothing can be made durable. */
  breakDown(): void;
  repair(): void;
  /** Runs once, right after the next record has become durable and before its writer hears of it. */
  afterNextAppend(act: () => Promise<void>): void;
}

/** Whose tests record here. */
const ownSources: ReadonlySet<string> = new Set(['consent-store', 'transaction-registry']);

export function createAuditCollector(clock: Clock, log?: AuditAppender): AuditCollector {
  const records: RecordDraft[] = [];
  const drafts: RecordDraft[] = [];
  const times: string[] = [];
  const ids = new Set<string>();
  let broken = false;
  let after: (() => Promise<void>) | undefined;
  const entries = () =>
    records.map((record, index) => ({
      index: BigInt(index),
      record: { v: 2, time: times[index] ?? '', ...record } as EvidenceRecord,
    }));
  return {
    records,
    drafts,
    ofType: (type) => records.filter((record) => record.type === type),
    async append(draft): Promise<RecordReceipt> {
      if (broken) throw auditLogErrors.error('log_unavailable', 'The log is not writable.');
      if (ids.has(draft.id))
        throw auditLogErrors.error('record_identity_taken', 'A record with this id is in the log.');
      for (const reference of draft.references ?? [])
        if (!ids.has(reference)) throw new Error(`${draft.type} rests on ${reference}, which is not in the log`);
      // Those of other components are made up.
      if (ownSources.has(draft.source)) requireFit(draft);
      // What cannot be written as JSON must fail here as it would there.
      const record = JSON.parse(JSON.stringify(wholeDraft(draft))) as RecordDraft;
      const receipt = await log?.append(draft);
      ids.add(record.id);
      records.push(record);
      drafts.push(draft);
      const time = receipt?.time ?? toInstant(clock.now());
      times.push(time);
      const act = after;
      after = undefined;
      if (act !== undefined) await asSomebodyElse(act);
      return receipt ?? { id: record.id, index: BigInt(records.length - 1), time };
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
    async search({ transaction, types = [], after = -1n, limit = 1_000 }) {
      if (broken) throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
      return entries()
        .filter(
          ({ index, record }) =>
            index > after &&
            types.includes(record.type) &&
            (transaction === undefined || record.transaction === transaction),
        )
        .slice(0, limit);
    },
    async newest(types) {
      return entries().findLast(({ record }) => types.includes(record.type))?.index ?? -1n;
    },
    breakDown() {
      broken = true;
    },
    repair() {
      broken = false;
    },
    afterNextAppend(act) {
      after = act;
    },
  };
}
