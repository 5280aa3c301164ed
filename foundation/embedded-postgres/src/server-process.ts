import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterIn } from './data-location.ts';
import { diskFull, embeddedPostgresErrors } from './errors.ts';
import { readServerState } from './leftover-server.ts';
import { type PostgresRuntime, serverEnvironment } from './runtime-copy.ts';
import { asAccount, type ServerAccount } from './server-account.ts';
import { stopServerProcess } from './stop-server.ts';

export interface ServerOptions {
  readonly runtime: PostgresRuntime;
  readonly folder: string;
  readonly account: ServerAccount;
  readonly onProgress: (message: string) => void;
}

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves when it ends, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const host = '127.0.0.1';
const attempts = 8;
// Recovery after a crash replays up to max_wal_size (1 GB) of log.
const startTimeoutMs = 300_000;
const logLimitBytes = 10_000_000;

/**
 * Enough connections for two control planes with full pools, plus some for tools.
 * Durability is PostgreSQL's default and stated here so that nobody disables it: "durable" must mean on the disk, or evidence
 * could be lost after it was relied on. Statements and row values stay out of the server's log (terse messages, no statements),
 * because they may contain personal data.
 */
const settings: readonly string[] = Object.entries({
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  listen_addresses: host,
  unix_socket_directories: '',
  shared_buffers: '128MB',
  max_connections: '360',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  logging_collector: 'off',
  log_checkpoints: 'off',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  jit: 'off',
  cluster_name: 'countersign',
}).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/**
 * Starts a server on the cluster and waits until it accepts connections. The port is `preferredPort` when it
 * is free, else a free one (or, with `onlyPort`, the preferred one or nothing).
 *
 * @throws CodedError `postgres_start_failed`, `database_disk_full`
 */
export async function startServer(
  options: ServerOptions & { readonly preferredPort?: number; readonly onlyPort?: boolean },
): Promise<ServerProcess> {
  let failure = 'no attempt was made';
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port =
      options.preferredPort !== undefined &&
      (options.onlyPort === true || (attempt === 0 && (await isFree(options.preferredPort))))
        ? options.preferredPort
        : await freePort();
    const started = await launch(options, port);
    if (typeof started !== 'string') return started;
    failure = started;
    if (/No space left on device/i.test(failure)) throw diskFull(options.folder);
    // Another process may have taken the port since the check. Backends of a killed server also keep its shared memory until they
    // notice.
    const passing =
      /Address already in use|could not bind|could not create any TCP|shared memory block .* still in use/i;
    if (!passing.test(failure)) break;
    await sleep(100 * 2 ** attempt);
  }
  throw embeddedPostgresErrors.error(
    'postgres_start_failed',
    `PostgreSQL does not start: ${reasonIn(failure)}. See the server's log: ${logIn(options.folder)}.`,
    { internal: failure },
  );
}

const logIn = (folder: string): string => join(folder, 'server.log');

/** @returns the server once it is ready, or the end of its log when it ended instead. */
async function launch(options: ServerOptions, port: number): Promise<ServerProcess | string> {
  const { runtime, folder, account } = options;
  const cluster = clusterIn(folder);
  const log = openLog(folder);
  const logStart = statSync(logIn(folder)).size;
  let child: ChildProcess;
  try {
    child = spawn(runtime.bin('postgres'), ['-D', cluster, '-p', String(port), ...settings], {
      ...asAccount(account),
      cwd: cluster,
      env: serverEnvironment,
      // Its own process group, so that Ctrl-C in a terminal does not reach it; this process stops it.
      detached: true,
      // A file instead of a pipe: the server may outlive this process, and must not block or fail when nobody reads.
      stdio: ['ignore', log, log],
      windowsHide: true,
    });
  } finally {
    closeSync(log);
  }
  let problem: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      problem = error.message;
      resolve();
    });
  });
  const { pid } = child;
  if (pid === undefined) {
    await ended;
    return problem ?? 'it could not be spawned';
  }
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  const server: ServerProcess = {
    pid,
    port,
    ended,
    stop: () => stopServerProcess({ pid, isGone: () => gone, pgCtl: runtime.bin('pg_ctl') }),
  };
  const outcome = await untilReady({ cluster, pid, isGone: () => gone, onProgress: options.onProgress });
  if (outcome === 'ready') {
    child.unref();
    return server;
  }
  if (outcome === 'ended') return readLogFrom(folder, logStart) || 'it ended without a word';
  await server.stop();
  return `it was not ready within ${startTimeoutMs / 1000} seconds`;
}

async function untilReady(server: {
  readonly cluster: string;
  readonly pid: number;
  readonly isGone: () => boolean;
  readonly onProgress: (message: string) => void;
}): Promise<'ready' | 'ended' | 'late'> {
  const started = performance.now();
  let told = started;
  while (performance.now() - started < startTimeoutMs) {
    if (server.isGone()) return 'ended';
    const state = readServerState(server.cluster);
    if (state?.pid === server.pid && state.state === 'ready') return 'ready';
    await sleep(15);
    if (performance.now() - told < 3000) continue;
    told = performance.now();
    server.onProgress(
      `Waiting for PostgreSQL, which may be recovering from a crash (${Math.round((told - started) / 1000)} s)`,
    );
  }
  return 'late';
}

function openLog(folder: string): number {
  const path = logIn(folder);
  const log = openSync(path, 'a', 0o600);
  if (statSync(path).size <= logLimitBytes) return log;
  closeSync(log);
  renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

function readLogFrom(folder: string, start: number): string {
  const path = logIn(folder);
  const size = Math.min(statSync(path).size - start, 8192);
  if (size <= 0) return '';
  const buffer = Buffer.alloc(size);
  const file = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(file, buffer, 0, size, statSync(path).size - size)).toString('utf8');
  } finally {
    closeSync(file);
  }
}

/** The line with the reason, without its time stamp. */
function reasonIn(output: string): string {
  const lines = output.trim().split('\n');
  const line = lines.findLast((text) => /FATAL|PANIC/.test(text)) ?? lines.at(-1) ?? '';
  return line.replace(/^.*?(?:FATAL|PANIC):\s*/, '').slice(0, 300);
}

async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined;
}

async function freePort(): Promise<number> {
  const port = await tryPort(0);
  if (port !== undefined) return port;
  throw embeddedPostgresErrors.error('postgres_start_failed', `PostgreSQL cannot start: no port is free on ${host}.`);
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
