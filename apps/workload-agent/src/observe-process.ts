import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { digestFile } from './digest-files.ts';
import { agentErrors } from './errors.ts';

const unobservable = (detail: string, cause?: unknown) =>
  agentErrors.error('workload_unobservable', detail, cause === undefined ? {} : { cause });

/** How the process of a workload is found. */
export type ProcessSource = { readonly pidFile: string } | { readonly systemdUnit: string };

async function pidOf(source: ProcessSource): Promise<number> {
  let text: string;
  try {
    text =
      'pidFile' in source
        ? await readFile(source.pidFile, 'utf8')
        : (await promisify(execFile)('systemctl', ['show', '--property=MainPID', '--value', '--', source.systemdUnit]))
            .stdout;
  } catch (error) {
    throw unobservable('The process of the workload cannot be found.', error);
  }
  const pid = Number(text.trim());
  if (!Number.isSafeInteger(pid) || pid <= 1) throw unobservable('The workload is not running.');
  return pid;
}

/** When the kernel started the process, in clock ticks since boot. Distinguishes processes that reuse a process id. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch((error: unknown) => {
    throw unobservable('The workload is not running.', error);
  });
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/**
 * The unit of the system's service manager, by `/proc/PID/cgroup` (cgroups(7)): the first service below slices. Groups below it are the
 * unit's own, and a user's service manager (`user.slice`) may give its units any name.
 */
export function systemUnitIn(cgroup: string): string | undefined {
  const lines = cgroup.split('\n');
  // Version 1 has a hierarchy of systemd's own beside those of the controllers.
  const line =
    lines.find((each) => /^\d+:name=systemd:/.test(each)) ?? lines.find((each) => each.startsWith('0::')) ?? '';
  const [, first = '', ...parts] = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1).split('/');
  if (!first.endsWith('.slice') || first === 'user.slice') return undefined;
  const unit = parts.find((part) => !part.endsWith('.slice'));
  return unit?.endsWith('.service') === true ? unit : undefined;
}

/**
 * What the kernel reports about a running process.
 * @throws CodedError `workload_unobservable`
 */
export async function observeProcess(source: ProcessSource): Promise<Readonly<Record<string, string>>> {
  const pid = await pidOf(source);
  const started = await startOf(pid);
  const image = await digestFile(`/proc/${pid}/exe`);
  const [executable, status, cgroup] = await Promise.all([
    readlink(`/proc/${pid}/exe`),
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/cgroup`, 'utf8'),
  ]).catch((error: unknown) => {
    throw unobservable('The workload ended while it was being observed.', error);
  });
  if ((await startOf(pid)) !== started) throw unobservable('The workload ended while it was being observed.');
  const user = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1];
  if (user === undefined) throw unobservable('The kernel does not report the user of the workload.');
  const unit = systemUnitIn(cgroup);
  if ('systemdUnit' in source && unit !== source.systemdUnit)
    throw unobservable(`The process is not in the unit ${source.systemdUnit}.`);
  return { image, executable, user, ...(unit === undefined ? {} : { systemd_unit: unit }) };
}

/** Changes when another process, or another program in the same process, replaces the workload. */
export async function fingerprintOfProcess(source: ProcessSource): Promise<string> {
  const pid = await pidOf(source);
  return `${pid} ${await startOf(pid)} ${await readlink(`/proc/${pid}/exe`).catch(() => 'gone')}`;
}
