import type { RecordDraft } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { createMemoryLog, type MemoryLog } from '@countersign/testkit';
import type { DirectoryLog } from '../proofs.ts';

export interface DirectoryLogDouble {
  /** Appended records in order, without `directory.committed`; a test may empty it. */
  readonly records: RecordDraft[];
  readonly all: readonly RecordDraft[];
  readonly audit: DirectoryLog;
  readonly rewrite: MemoryLog['rewrite'];
  /** @param what selects the records that fail; all by default */
  breakLog(broken: boolean, what?: (record: RecordDraft) => boolean): void;
  /** The log of a process that dies once, when the next record of this type is durable. */
  dyingAfter(type: RecordDraft['type']): DirectoryLog;
}

export function createDirectoryLog(clock: Clock): DirectoryLogDouble {
  const log = createMemoryLog(clock);
  const records: RecordDraft[] = [];
  const audit: DirectoryLog = {
    ...log,
    async append(draft) {
      const known = log.drafts.length;
      const receipt = await log.append(draft);
      if (draft.type !== 'directory.committed' && log.drafts.length > known) records.push(draft);
      return receipt;
    },
  };
  return {
    records,
    all: log.drafts,
    rewrite: log.rewrite,
    audit,
    dyingAfter(type) {
      let last: RecordDraft['type'] | undefined = type;
      return {
        ...audit,
        async append(draft) {
          const receipt = await audit.append(draft);
          if (draft.type !== last) return receipt;
          last = undefined;
          throw new Error('the process died');
        },
      };
    },
    breakLog(broken, what) {
      log.repair();
      if (broken) log.breakDown(what === undefined ? undefined : 'writing', what);
    },
  };
}
