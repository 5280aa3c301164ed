import { setImmediate as turn } from 'node:timers/promises';
import { type Contender, roundOf } from './measure.ts';
import type { Pace } from './pace.ts';

/** Of a server as well the event loop turns now and then; timers and the threads beside it get their say. */
const operationsATurn = 50;

/**
 * Repeats work in this process for some seconds, and counts. Each operation is timed: reading the clock is part of the
 * figures.
 *
 * @param work is given how often it has been called; it may be asynchronous
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
  return {
    name,
    async warmUp() {
      await round(warmUpSeconds);
    },
    round,
  };
}

function grown(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}
