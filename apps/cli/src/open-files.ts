import { readFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';

/**
 * Connections of clients and the database, and files of the log. With a lower limit, the first busy minute ends with EMFILE.
 */
const fewest = 1_024;

/**
 * The maximum number of open files and sockets of this process; undefined if unknown. Node raises its soft limit to the hard
 * limit.
 */
function openFilesLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined || limit === 'unlimited' ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/** @throws CodedError `open_files_limit` if this process may not open enough files */
export function requireOpenFiles(limit = openFilesLimit()): void {
  if (limit === undefined || limit >= fewest) return;
  throw new CodedError({
    code: 'open_files_limit',
    category: 'invalid',
    detail: `This process may open ${limit} files and sockets, and needs ${fewest} at least. Raise the hard limit (ulimit -Hn, or LimitNOFILE= of the service).`,
  });
}
