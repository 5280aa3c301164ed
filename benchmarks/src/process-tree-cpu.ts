import { readdirSync, readFileSync } from 'node:fs';

/** User-space clock ticks are a hundredth of a second on every Linux Node.js runs on (`getconf CLK_TCK`). */
const microsecondsPerTick = 10_000;

interface ProcessTimes {
  readonly parent: number;
  readonly ticks: number;
}

/**
 * CPU time that the descendants of a process have used so far, in microseconds: its PostgreSQL, when it has no
 * other children. Counts what ended children had used and their parent has waited for.
 *
 * @returns undefined where there is no `/proc` to read
 */
export function descendantsCpuUs(ancestor: number): number | undefined {
  const processes = readProcesses();
  return processes?.has(ancestor) ? ticksBelow(ancestor, processes) * microsecondsPerTick : undefined;
}

/** As {@link descendantsCpuUs}, with what the process itself has used. */
export function processTreeCpuUs(root: number): number | undefined {
  const processes = readProcesses();
  const own = processes?.get(root);
  return processes === undefined || own === undefined
    ? undefined
    : (own.ticks + ticksBelow(root, processes)) * microsecondsPerTick;
}

function readProcesses(): ReadonlyMap<number, ProcessTimes> | undefined {
  const processes = new Map<number, ProcessTimes>();
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return undefined;
  }
  for (const name of names) {
    const times = /^\d+$/.test(name) ? readTimes(name) : undefined;
    if (times !== undefined) processes.set(Number(name), times);
  }
  return processes;
}

function ticksBelow(ancestor: number, processes: ReadonlyMap<number, ProcessTimes>): number {
  let ticks = 0;
  for (const [pid, times] of processes) if (descendsFrom(pid, ancestor, processes)) ticks += times.ticks;
  return ticks;
}

function descendsFrom(pid: number, ancestor: number, processes: ReadonlyMap<number, ProcessTimes>): boolean {
  for (let at = processes.get(pid)?.parent; at !== undefined && at > 0; at = processes.get(at)?.parent)
    if (at === ancestor) return true;
  return false;
}

/** `/proc/<pid>/stat`, proc_pid_stat(5); undefined when the process is gone. */
function readTimes(pid: string): ProcessTimes | undefined {
  try {
    return parseProcessTimes(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

export function parseProcessTimes(stat: string): ProcessTimes | undefined {
  // The command, second field, may hold spaces and parentheses; what follows its last parenthesis is plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [parent, ...times] = [fields[1], fields[11], fields[12], fields[13], fields[14]].map(Number);
  if (parent === undefined || !Number.isInteger(parent) || !times.every(Number.isInteger)) return undefined;
  return { parent, ticks: times.reduce((sum, ticks) => sum + ticks, 0) };
}
