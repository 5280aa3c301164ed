import { parseInstant } from '@countersign/kernel';
import { fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, drafts, type Rig } from '../testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const grow = (log: RunningAuditLog, count: number) => Promise.all(drafts(count).map((one) => log.append(one)));
const hour = 3_600_000;

describe('clocks that are stepped, on two nodes that disagree', () => {
  it('never make the time of the log go back, and the log continues, signed and complete, also across restarts', async () => {
    const start = Date.parse('2026-11-21T09:30:00Z');
    const clocks = [fixedClock(start), fixedClock(start - 2 * hour)];
    const open = () => Promise.all(clocks.map((clock) => rig.open({ clock })));
    let logs = await open();
    const sizes: string[] = [];
    for (const [node, step] of [
      [0, -hour],
      [1, 5 * hour],
      [0, 48 * hour],
      [1, -24 * hour],
      [0, -49 * hour],
    ] as const) {
      clocks[node]?.advance(step);
      await Promise.all(logs.map((log) => grow(log, 20)));
      for (const log of logs) sizes.push((await log.checkpoint()).split('\n')[1] ?? '');
      for (const log of logs) await log.stop();
      logs = await open();
    }
    const [log] = logs;
    if (log === undefined) throw new Error('two were opened');
    const times = (await log.search({ limit: 1_000 })).map(({ record }) => parseInstant(record.time) ?? 0);
    expect(times.length).toBeGreaterThan(200);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(Math.max(...times)).toBeGreaterThan(start + 40 * hour);
    expect(sizes.map(Number)).toEqual(sizes.map(Number).toSorted((one, other) => one - other));
    expect(await log.verify()).toMatchObject({ ok: true, size: BigInt(times.length) });
  });
});
