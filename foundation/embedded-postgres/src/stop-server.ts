import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { embeddedPostgresErrors } from './errors.ts';

/**
 * Stops a PostgreSQL server: fast shutdown (SIGINT: sessions are ended, a checkpoint is written), and if
 * that hangs immediate shutdown (SIGQUIT: no checkpoint, the next start recovers from the log). Never
 * SIGKILL, which would leave its children and shared memory behind.
 *
 * @throws CodedError `postgres_leftover_stuck` when it outlives both
 */
export async function stopServerProcess(server: {
  readonly pid: number;
  readonly isGone: () => boolean;
  /** Needed on Windows, where signals reach PostgreSQL only through pg_ctl. */
  readonly pgCtl?: string;
}): Promise<void> {
  for (const [signal, timeoutMs] of [
    ['SIGINT', 30_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    sendSignal(server.pid, signal, server.pgCtl);
    if (await waitUntil(server.isGone, timeoutMs)) return;
  }
  throw embeddedPostgresErrors.error(
    'postgres_leftover_stuck',
    `PostgreSQL (process ${server.pid}) does not stop. It may be waiting for a disk that does not answer; end it by hand and start again.`,
  );
}

/** Best effort: a process that has just ended is no error. */
export function sendSignal(pid: number, signal: 'SIGINT' | 'SIGQUIT', pgCtl?: string): void {
  try {
    if (process.platform !== 'win32') process.kill(pid, signal);
    else if (pgCtl !== undefined)
      execFileSync(pgCtl, ['kill', signal.slice(3), String(pid)], { stdio: 'ignore', timeout: 5000 });
  } catch {
    // The process ended in between; the caller's wait detects this.
  }
}

async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}
