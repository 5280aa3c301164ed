import { type AuditAppender, auditLogErrors, type LogEntry } from '@countersign/contracts';
import { buildGraph, type EvidenceGraph } from '@countersign/evidence';
import { type Clock, newId, type Random, type RecordId, type TransactionId } from '@countersign/kernel';
import { type EvidenceReader, readingRecord } from './read-records.ts';
import { type ReadingRules, readable } from './rights.ts';
import type { ReadingTurns } from './turns.ts';

export interface ReadGraph {
  readonly graph: EvidenceGraph;
  readonly evidence: RecordId;
}

/** The reading is recorded first. @throws CodedError `transaction_without_records`, `bundle_too_large` */
export function createGraphReading({
  auditLog,
  turns,
  clock,
  random,
  ...rules
}: ReadingRules & {
  readonly auditLog: AuditAppender & { collect(transaction: TransactionId): Promise<readonly LogEntry[]> };
  readonly turns: ReadingTurns;
  readonly clock: Clock;
  readonly random: Random;
}) {
  async function read(transaction: TransactionId, by: EvidenceReader): Promise<ReadGraph> {
    const collected = await auditLog.collect(transaction);
    const may = await readable(
      collected.map(({ record }) => record),
      by.actor,
      rules,
    );
    const entries = collected.filter((_, place) => may[place] === true);
    if (!entries.some(({ record }) => record.transaction === transaction))
      throw auditLogErrors.error('transaction_without_records', 'The log holds nothing about this transaction.');
    const evidence = newId('record', { clock, random });
    await auditLog.append(
      readingRecord(evidence, {
        query: { transaction },
        by,
        records: entries.map(({ index }) => ({ index, disclosures: [] })),
      }),
    );
    return { graph: buildGraph(transaction, entries), evidence };
  }

  return (transaction: TransactionId, by: EvidenceReader): Promise<ReadGraph> =>
    turns.take(by.actor.institution, () => read(transaction, by));
}
