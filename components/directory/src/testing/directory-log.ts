import { auditLogErrors, type RecordDraft, requireFit } from '@countersign/contracts';
import { standingsIn } from '@countersign/testkit';
import type { DirectoryLog } from '../proofs.ts';

/** For tests: a log in memory that keeps the promises of the contract, and breaks when told to. */
export interface DirectoryLogDouble {
  /** What was appended, in order, but for `directory.committed`; a test may empty it. */
  readonly records: RecordDraft[];
  /** Everything that was appended, and stays; what a test takes out was never appended. */
  readonly all: RecordDraft[];
  readonly audit: DirectoryLog;
  /** @param what everything by default */
  breakLog(broken: boolean, what?: (record: RecordDraft) => boolean): void;
}

export function createDirectoryLog(): DirectoryLogDouble {
  const records: RecordDraft[] = [];
  const all: RecordDraft[] = [];
  let isLost: (record?: RecordDraft) => boolean = () => false;
  const down = () => auditLogErrors.error('log_unavailable', 'down');
  return {
    records,
    all,
    audit: {
      async append(record) {
        if (isLost(record)) throw down();
        requireFit(record);
        all.push(structuredClone(record));
        if (record.type !== 'directory.committed') records.push(record);
        return { id: record.id, index: BigInt(all.length - 1), time: '2026-11-21T00:00:00.000Z' };
      },
      async standings(things) {
        if (isLost()) throw down();
        return standingsIn(all, things);
      },
      newest: async (types) => BigInt(all.findLastIndex(({ type }) => types.includes(type))),
    },
    breakLog(broken, what) {
      isLost = (record) => broken && (what === undefined || (record !== undefined && what(record)));
    },
  };
}
