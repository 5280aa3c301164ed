import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGroupCommit } from './group-commit.ts';

/** A flush that ends on the test's signal. */
function heldFlush() {
  const batches: { items: readonly number[]; finish: (error?: Error) => void }[] = [];
  const flush = (items: readonly number[]): Promise<number[]> =>
    new Promise((resolve, reject) => {
      batches.push({
        items,
        finish: (error) => (error === undefined ? resolve(items.map((item) => item * 10)) : reject(error)),
      });
    });
  return { batches, flush };
}

/** A few turns of the event loop: each batch waits for one before it is flushed. */
const turn = async (): Promise<void> => {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve));
};

describe('group commit', () => {
  it('flushes a single item without waiting for others', async () => {
    const commit = createGroupCommit({ maxBatch: 10, maxQueued: 10, flush: async (items: readonly number[]) => items });
    expect(await commit.submit(1)).toBe(1);
  });

  it('collects items that arrive during a flush into the next one', async () => {
    const { batches, flush } = heldFlush();
    const commit = createGroupCommit({ maxBatch: 3, maxQueued: 10, flush });
    const first = commit.submit(1);
    await turn();
    const others = [2, 3, 4, 5].map((item) => commit.submit(item));
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1]]);
    expect(commit.queued).toBe(4);
    batches[0]?.finish();
    expect(await first).toBe(10);
    await turn();
    expect(batches[1]?.items).toEqual([2, 3, 4]);
    batches[1]?.finish();
    await turn();
    expect(batches[2]?.items).toEqual([5]);
    batches[2]?.finish();
    expect(await Promise.all(others)).toEqual([20, 30, 40, 50]);
  });

  it('refuses items beyond the queue’s capacity, and accepts more once there is room', async () => {
    const { batches, flush } = heldFlush();
    const commit = createGroupCommit({ maxBatch: 10, maxQueued: 2, flush });
    const accepted = [commit.submit(1)];
    await turn();
    accepted.push(commit.submit(2), commit.submit(3));
    await expect(commit.submit(4)).rejects.toMatchObject({ code: 'overloaded', category: 'unavailable' });
    batches[0]?.finish();
    await turn();
    accepted.push(commit.submit(5));
    batches[1]?.finish();
    await turn();
    batches[2]?.finish();
    expect(await Promise.all(accepted)).toEqual([10, 20, 30, 50]);
  });

  it.each([
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['returns too few results', () => Promise.resolve([])],
  ])('rejects the whole batch, and only that, if the flush %s', async (_, fail) => {
    let calls = 0;
    const commit = createGroupCommit<number, number>({
      maxBatch: 2,
      maxQueued: 10,
      flush: (items) => (calls++ === 0 ? fail() : Promise.resolve(items)),
    });
    const outcomes = await Promise.allSettled([1, 2, 3].map((item) => commit.submit(item)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  it('drains: earlier items get their results, later ones are refused', async () => {
    const { batches, flush } = heldFlush();
    const commit = createGroupCommit({ maxBatch: 1, maxQueued: 10, flush });
    const results = [commit.submit(1), commit.submit(2)];
    let drained = false;
    const draining = commit.drain().then(() => {
      drained = true;
    });
    await expect(commit.submit(3)).rejects.toMatchObject({ code: 'shutting_down' });
    await turn();
    batches[0]?.finish();
    await turn();
    expect(drained).toBe(false);
    batches[1]?.finish();
    await draining;
    expect(await Promise.all(results)).toEqual([10, 20]);
  });

  it('gives each item its own result, in order, in full batches, one flush at a time, whatever fails (property)', async () => {
    const steps = fc.array(fc.record({ submits: fc.nat(8), pauses: fc.nat(2), fails: fc.boolean() }), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 12 }),
        async (plan, maxBatch, maxQueued) => {
          let inFlight = 0;
          let flushes = 0;
          const committed: number[] = [];
          const failed = new Set<number>();
          const commit = createGroupCommit<number, string>({
            maxBatch,
            maxQueued,
            async flush(items) {
              expect(++inFlight).toBe(1);
              expect(items.length).toBeGreaterThan(0);
              expect(items.length).toBeLessThanOrEqual(maxBatch);
              const fails = plan[flushes++ % plan.length]?.fails ?? false;
              await turn();
              inFlight--;
              if (fails) {
                for (const item of items) failed.add(item);
                throw new Error('flush');
              }
              committed.push(...items);
              return items.map((item) => `result of ${item}`);
            },
          });
          let next = 0;
          const outcomes: Promise<'refused' | 'failed' | 'committed'>[] = [];
          for (const step of plan) {
            for (let count = 0; count < step.submits; count++) {
              const item = next++;
              outcomes.push(
                commit.submit(item).then(
                  (result) => {
                    expect(result).toBe(`result of ${item}`);
                    return 'committed' as const;
                  },
                  (error: unknown) => (isCodedError(error, 'overloaded') ? ('refused' as const) : ('failed' as const)),
                ),
              );
              expect(commit.queued).toBeLessThanOrEqual(maxQueued);
            }
            for (let pause = 0; pause < step.pauses; pause++) await turn();
          }
          await commit.drain();
          const all = await Promise.all(outcomes);
          const withOutcome = (wanted: string): number[] =>
            all.flatMap((outcome, item) => (outcome === wanted ? [item] : []));
          expect(committed).toEqual(withOutcome('committed'));
          expect([...failed]).toEqual(withOutcome('failed'));
        },
      ),
      { numRuns: 200 },
    );
  });
});
