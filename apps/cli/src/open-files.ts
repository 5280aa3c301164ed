import { readFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';

/** Connections of clients and of the database, and files of the log: with fewer, the first busy minute ends with EMFILE. */
const fewest = 1_024;

/**
 * How many files and sockets this process may have open at most; undefined where the system does not say. Node raises its own limit
 * to the hard one.
 */
function openFilesLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined || limit === 'unlimited' ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/** @throws CodedError `open_files_limit` where this process may not open enough files to serve anybody */
export function requireOpenFiles(limit = openFilesLimit()): void {
  if (limit === undefined || limit >= fewest) return;
  throw new CodedError({
    code: 'open_files_limit',
    category: 'invalid',
    detail: `This process may open ${limit} files and sockets, and needs ${fewest} at least. Raise the hard limit (ulimit -Hn, or LimitNOFILE= of the service).`,
  });
}
