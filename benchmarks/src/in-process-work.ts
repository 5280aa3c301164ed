import { setImmediate as turn } from 'node:timers/promises';
import { type Metered, thisProcess, withCosts } from './http-contender.ts';
import { type Contender, type Counted, type Round, roundOf } from './measure.ts';
import type { Pace } from './pace.ts';

/**
 * Does the work for each item in this process with a number of concurrent callers, and counts the costs, including
 * PostgreSQL's.
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
  const { value: _, ...costs } = await withCosts(thisProcess, () => Promise.all(Array.from({ length: callers }, call)));
  return { ...costs, operations: items.length, latenciesMs };
}

/**
 * A contender with a number of concurrent callers in this process.
 *
 * @param options.besides CPU time so far, in microseconds, of child processes other than PostgreSQL
 * @param options.settle completes background work after a round, so that it does not burden the next contender
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
  const withoutBesides: Metered = {
    ...thisProcess,
    async databaseCpuUs() {
      const all = await thisProcess.databaseCpuUs();
      return all === undefined ? undefined : all - (await besides());
    },
  };
  const round = async (seconds: number): Promise<Round> => {
    const latencies: number[] = [];
    const until = performance.now() + seconds * 1000;
    const call = async (): Promise<void> => {
      for (let sentAt = performance.now(); sentAt < until; ) {
        await work();
        const doneAt = performance.now();
        latencies.push(doneAt - sentAt);
        sentAt = doneAt;
      }
    };
    const { value: _, ...costs } = await withCosts(withoutBesides, () =>
      Promise.all(Array.from({ length: callers }, call)),
    );
    await settle();
    return roundOf({ ...costs, operations: latencies.length, latenciesMs: Float64Array.from(latencies) });
  };
  return { name, warmUp: () => round(warmUpSeconds), round };
}

/** The event loop runs between these operations, as in a server. */
const operationsATurn = 50;

/**
 * A contender with a single caller in this process. The figures include reading the clock for each operation.
 *
 * @param work receives the number of earlier calls
 */
export function timed(
  name: string,
  { warmUpSeconds }: Pick<Pace, 'warmUpSeconds'>,
  work: (index: number) => Promise<void> | void,
): Contender {
  let latenciesMs = new Float64Array(1 << 16);
  let index = 0;
  const round = async (seconds: number) => {
    const cpuBefore = process.cpuUsage();
    const began = performance.now();
    let before = began;
    let operations = 0;
    do {
      for (let part = 0; part < operationsATurn; part++) {
        const doing = work(index++);
        if (doing !== undefined) await doing;
        const now = performance.now();
        if (operations === latenciesMs.length) latenciesMs = grown(latenciesMs);
        latenciesMs[operations++] = now - before;
        before = now;
      }
      await turn();
      before = performance.now();
    } while (before - began < seconds * 1000);
    const { user, system } = process.cpuUsage(cpuBefore);
    return roundOf({
      operations,
      seconds: (before - began) / 1000,
      cpuUs: user + system,
      latenciesMs: latenciesMs.subarray(0, operations),
    });
  };
  return { name, warmUp: () => round(warmUpSeconds), round };
}

function grown(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}
