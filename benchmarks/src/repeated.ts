import { type Contender, type Round, roundOf } from './measure.ts';
import type { Pace } from './pace.ts';
import { descendantsCpuUs } from './process-tree-cpu.ts';

/**
 * So many callers in this process, each of which does the next as soon as its last one is done; with what it costs this
 * process and PostgreSQL beneath it.
 *
 * @param options.besides CPU time so far, in microseconds, of processes of ours that are no PostgreSQL
 * @param options.settle what has to come to rest after a round, so that the next contender does not pay for it
 */
export function repeated({
  name,
  callers,
  work,
  warmUpSeconds,
  besides = async () => 0,
  settle = async () => undefined,
}: {
  readonly name: string;
  readonly callers: number;
  readonly work: () => Promise<unknown>;
  readonly besides?: () => Promise<number>;
  readonly settle?: () => Promise<unknown>;
} & Pick<Pace, 'warmUpSeconds'>): Contender {
  const descendants = async (): Promise<number | undefined> => {
    const all = descendantsCpuUs(process.pid);
    return all === undefined ? undefined : all - (await besides());
  };
  const round = async (seconds: number): Promise<Round> => {
    const latencies: number[] = [];
    const databaseBefore = await descendants();
    const cpuBefore = process.cpuUsage();
    const began = performance.now();
    const until = began + seconds * 1000;
    const call = async (): Promise<void> => {
      for (let sentAt = performance.now(); sentAt < until; ) {
        await work();
        const doneAt = performance.now();
        latencies.push(doneAt - sentAt);
        sentAt = doneAt;
      }
    };
    await Promise.all(Array.from({ length: callers }, call));
    const elapsed = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const databaseAfter = await descendants();
    await settle();
    return roundOf({
      operations: latencies.length,
      seconds: elapsed,
      latenciesMs: Float64Array.from(latencies),
      cpuUs: user + system,
      databaseCpuUs:
        databaseBefore === undefined || databaseAfter === undefined ? undefined : databaseAfter - databaseBefore,
    });
  };
  return {
    name,
    async warmUp() {
      await round(warmUpSeconds);
    },
    round,
  };
}
