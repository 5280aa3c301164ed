import { auditLogErrors, type LogEntry } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import { logEntry } from '../record-json.ts';
import type { StoredStanding } from '../store/standings.ts';
import type { StoredEntry } from '../store.ts';
import { type EntrySeals, forgedEntry, forgedStanding } from './entry-seals.ts';

export interface SealedReader {
  /** Verifies seal and bytes. Entries older than the seals have none. @throws CodedError `log_inconsistent` */
  read(entry: StoredEntry): LogEntry;
  /** Entries older than the seals are evidence, but give no authority. */
  isAuthority(entry: Pick<StoredEntry, 'index'>): boolean;
  /** @throws CodedError `log_inconsistent` if no process of the installation wrote the row */
  standing<Row extends StoredStanding>(row: Row): Row;
}

export function createSealedReader(dependencies: {
  readonly seals: EntrySeals;
  readonly unsealedBefore: bigint;
  /** Stops the whole log: the database was changed directly. */
  readonly condemn: (error: CodedError) => void;
}): SealedReader {
  const { seals, unsealedBefore, condemn } = dependencies;
  function stop(error: CodedError): never {
    condemn(error);
    throw error;
  }
  return {
    isAuthority: ({ index }) => index >= unsealedBefore,
    standing: (row) => (seals.isSealedStanding(row, row.seal) ? row : stop(forgedStanding(row))),
    read(entry) {
      const old = entry.index < unsealedBefore && entry.seal === null;
      if (!old && !seals.isSealed(entry, entry.seal)) stop(forgedEntry(entry.index));
      if (!hashLeaf(entry.bytes).equals(entry.leafHash))
        throw auditLogErrors.error(
          'log_inconsistent',
          `The body of entry ${entry.index} is not the one that was appended. Verify the log, and restore the body from a copy.`,
        );
      return logEntry(entry);
    },
  };
}
