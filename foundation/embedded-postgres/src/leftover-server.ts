import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isProgramOn, systemErrorCode } from '@countersign/runtime';
import { stopServerProcess } from './stop-server.ts';

/**
 * Deals with what an earlier start left behind, for the holder of the owner lock: a server that outlived its
 * owner is shut down; a stale `postmaster.pid` is made harmless. A process that merely got the old pid is
 * left alone.
 *
 * The file is not deleted: its other lines let PostgreSQL see orphaned backends that still have the
 * shared memory of the dead server, and wait for them. Only the pid is replaced, by our own, because a
 * server takes the pid of its parent in that file for stale.
 *
 * @param cluster a real path
 * @throws CodedError `postgres_leftover_stuck` when the old server does not end
 */
export async function settleLeftoverServer(options: {
  readonly cluster: string;
  readonly pgCtl: string;
  readonly onProgress: (message: string) => void;
}): Promise<'none' | 'stopped' | 'stale'> {
  const { cluster, pgCtl, onProgress } = options;
  const path = join(cluster, 'postmaster.pid');
  const pid = readServerPid(path);
  if (pid === undefined) return 'none';
  let outcome: 'stopped' | 'stale' = 'stale';
  if (pid > 0 && isProgramOn(pid, 'postgres', cluster)) {
    onProgress('Stopping the PostgreSQL of an earlier start');
    await stopServerProcess({ pid, isGone: () => !isProgramOn(pid, 'postgres', cluster), pgCtl });
    outcome = 'stopped';
  }
  if (readServerPid(path) !== undefined) writePid(path);
  return outcome;
}

/** PostgreSQL's own state file: line 1 has the pid, line 4 the port, line 8 the state. */
export function readServerState(cluster: string): { pid: number; state: string } | undefined {
  const lines = readLines(join(cluster, 'postmaster.pid'));
  return lines === undefined ? undefined : { pid: Number(lines[0]), state: (lines[7] ?? '').trim() };
}

function readServerPid(path: string): number | undefined {
  const lines = readLines(path);
  if (lines === undefined) return undefined;
  const pid = Math.abs(Number.parseInt(lines[0] ?? '', 10));
  if (Number.isSafeInteger(pid)) return pid;
  // Empty or garbled after a power cut: PostgreSQL would refuse to start over it.
  rmSync(path, { force: true });
  return undefined;
}

function readLines(path: string): string[] | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function writePid(path: string): void {
  const lines = readLines(path);
  if (lines === undefined) return;
  writeFileSync(path, [String(process.pid), ...lines.slice(1)].join('\n'));
}
