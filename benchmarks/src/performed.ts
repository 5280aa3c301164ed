import type { Counted } from './measure.ts';
import { descendantsCpuUs } from './process-tree-cpu.ts';

/**
 * Does some work in this process for each item, with so many callers at once, each of which takes the next item as soon
 * as its last one is done; and counts what it took, of PostgreSQL beneath it too.
 */
export async function performed<Item>(
  callers: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<Counted> {
  const latenciesMs = new Float64Array(items.length);
  const queue = items.entries();
  const call = async (): Promise<void> => {
    for (const [place, item] of queue) {
      const sentAt = performance.now();
      await work(item);
      latenciesMs[place] = performance.now() - sentAt;
    }
  };
  const cpuBefore = process.cpuUsage();
  const databaseBefore = descendantsCpuUs(process.pid);
  const began = performance.now();
  await Promise.all(Array.from({ length: callers }, call));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const databaseAfter = descendantsCpuUs(process.pid);
  return {
    operations: items.length,
    seconds,
    latenciesMs,
    cpuUs: user + system,
    databaseCpuUs:
      databaseBefore === undefined || databaseAfter === undefined ? undefined : databaseAfter - databaseBefore,
  };
}
