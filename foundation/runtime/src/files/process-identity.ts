import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';

/** A pid is reused; together with the process's start time and boot it identifies one process permanently. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
  /** Host and pid namespace, because a pid is unique only within one. */
  readonly place: string;
}

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    boot: readText('/proc/sys/kernel/random/boot_id'),
    place: ownPlace(),
  };
}

/** Whether exactly this process is still running. Only meaningful for a process in our own {@link ownPlace}. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identity.boot === readText('/proc/sys/kernel/random/boot_id') && startOf(identity.pid) === identity.started;
}

export function ownPlace(): string {
  return `${hostname()}/${readLink('/proc/self/ns/pid')}`;
}

/** Start time of a live process in the platform's own format; undefined when there is no such process, or only a zombie. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    // proc(5): the name in parentheses can contain anything, so count from the last one. state is field 3, starttime 22.
    const stat = readText(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return stat === '' || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  }
  if (process.platform === 'win32') return signalReaches(pid) ? 'running' : undefined;
  const [state, ...started] = ps(pid, 'stat=,lstart=').split(/\s+/);
  return state === undefined || state === '' || state.startsWith('Z') ? undefined : started.join(' ');
}

/**
 * Whether `pid` is a live process of `program` with the working folder `folder` (a real path). Windows does not report the
 * folder.
 */
export function isProgramOn(pid: number, program: string, folder: string): boolean {
  if (startOf(pid) === undefined) return false;
  if (process.platform === 'linux') {
    const args = readText(`/proc/${pid}/cmdline`).split('\0');
    // The working folder stays correct when the folder is renamed under the process.
    return (
      basename(args[0] ?? '').startsWith(program) && (args.includes(folder) || readLink(`/proc/${pid}/cwd`) === folder)
    );
  }
  if (process.platform === 'win32')
    return run('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']).includes(`${program}.exe`);
  const command = ps(pid, 'command=');
  return command.includes(program) && command.includes(folder);
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function ps(pid: number, format: string): string {
  return run('ps', ['-o', format, '-p', String(pid)]);
}

function run(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', timeout: 5000, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
