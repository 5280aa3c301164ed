import { systemClock, systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRefusedCalls, type RefusedCall, type RefusedCalls } from './refused-calls.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const edgeAppends: RefusedCall = { process: 'edge', call: 'retention-proposals/endProposalsOf' };
let log: ReturnType<typeof createMemoryLog>;
let refused: RefusedCalls;

beforeEach(() => {
  vi.useFakeTimers();
  log = createMemoryLog(systemClock);
  refused = createRefusedCalls({ audit: log, at: 'evidence', logger, clock: systemClock, random: systemRandom });
});
afterEach(async () => {
  await refused.stop();
  vi.useRealTimers();
});

const counts = (): readonly unknown[] => log.records.map(({ data }) => data);
const recorded = (expected: readonly object[]) => vi.waitFor(() => expect(counts()).toMatchObject(expected));
const times = async (number: number, call = edgeAppends): Promise<void> => {
  await Promise.all(Array.from({ length: number }, () => refused.refuse(call)));
};

describe('refused calls of another process', () => {
  it('are in the log before they are refused, with caller and call', async () => {
    await refused.refuse(edgeAppends);
    expect(log.records).toMatchObject([
      {
        type: 'access.refused',
        outcome: 'deny',
        reason: 'call_not_permitted',
        actors: [{ id: 'process:edge' }],
        data: { call: 'retention-proposals/endProposalsOf', at: 'evidence', count: 1 },
      },
    ]);
  });

  it('are one record per minute, however many there are, and the next one has their number', async () => {
    await times(5_000);
    expect(counts()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    await recorded([{ count: 1 }, { count: 4_999 }]);
    await times(2_000);
    expect(counts()).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(60_000);
    await recorded([{ count: 1 }, { count: 4_999 }, { count: 2_000 }]);
    // After a quiet period the next call is recorded immediately again.
    await vi.advanceTimersByTimeAsync(180_000);
    expect(counts()).toHaveLength(3);
    await times(1);
    expect(counts()).toHaveLength(4);
  });

  it('of other callers and methods have records of their own', async () => {
    await times(3);
    await times(3, { ...edgeAppends, process: 'egress' });
    await times(3, { ...edgeAppends, call: 'audit-log/scan' });
    expect(log.records.map(({ actors, data }) => [actors?.[0]?.id, data])).toMatchObject([
      ['process:edge', { call: 'retention-proposals/endProposalsOf' }],
      ['process:egress', { call: 'retention-proposals/endProposalsOf' }],
      ['process:edge', { call: 'audit-log/scan' }],
    ]);
  });

  it('with names outside every contract are one record together', async () => {
    for (let number = 0; number < 1_000; number++)
      await refused.refuse({ process: 'edge', call: `audit-log/${'a'.repeat((number % 60) + 1)}` });
    for (const call of ['constructor/name', '__proto__/toString', 'audit-log/constructor'])
      await refused.refuse({ process: 'edge', call });
    expect(counts()).toMatchObject([{ call: 'unknown', count: 1 }]);
  });

  it('are refused with the log’s error while it cannot be written, and not counted as recorded', async () => {
    log.breakDown('writing');
    await expect(refused.refuse(edgeAppends)).rejects.toMatchObject({ code: 'log_unavailable' });
    log.repair();
    await refused.refuse(edgeAppends);
    expect(counts()).toMatchObject([{ count: 1 }]);
    await times(7);
    log.breakDown('writing');
    await vi.advanceTimersByTimeAsync(60_000);
    log.repair();
    await vi.advanceTimersByTimeAsync(60_000);
    await recorded([{ count: 1 }, { count: 7 }]);
  });

  it('are recorded when the process stops', async () => {
    await times(10);
    await refused.stop();
    expect(counts()).toMatchObject([{ count: 1 }, { count: 9 }]);
  });
});
