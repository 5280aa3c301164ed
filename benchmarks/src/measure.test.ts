import { describe, expect, it } from 'vitest';
import { figure, measureInTurn, median, oneAfterTheOther, percentile, ratio, roundOf, together } from './measure.ts';

describe('percentiles', () => {
  it('are measured values, by nearest rank', () => {
    const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);
    expect([1, 50, 99, 100].map((percent) => percentile(hundred, percent))).toEqual([1, 50, 99, 100]);
    expect(percentile(Float64Array.of(7), 99)).toBe(7);
    expect(percentile(Float64Array.of(1, 2, 3), 50)).toBe(2);
  });

  it('of nothing are refused', () => {
    expect(() => percentile(new Float64Array(), 50)).toThrow('nothing');
    expect(() => median([])).toThrow('nothing');
  });
});

describe('a round', () => {
  it('gives rates and costs per operation, from latencies in any order', () => {
    const latenciesMs = Float64Array.of(9, 10, 1, 2);
    expect(roundOf({ operations: 4, seconds: 2, latenciesMs, cpuUs: 800, databaseCpuUs: 40 })).toEqual({
      operations: 4,
      seconds: 2,
      rate: 2,
      p50Ms: 2,
      p99Ms: 10,
      cpuUs: 200,
      databaseCpuUs: 10,
    });
  });

  it('without operations has no figures', () => {
    expect(() => roundOf({ operations: 0, seconds: 1 })).toThrow('nothing was done');
  });
});

describe('counters', () => {
  const first = { operations: 2, seconds: 1, latenciesMs: Float64Array.of(5, 1), cpuUs: 10, databaseCpuUs: 4 };
  const second = { operations: 2, seconds: 2, latenciesMs: Float64Array.of(1, 7), cpuUs: 20, walBytes: 8 };

  it('add up for more of the same operation', () => {
    expect(together([first, second])).toEqual({
      operations: 4,
      seconds: 3,
      latenciesMs: Float64Array.of(5, 1, 1, 7),
      cpuUs: 30,
      databaseCpuUs: 4,
      walBytes: 8,
    });
  });

  it('add up operation by operation for consecutive steps, in any order of a round', () => {
    roundOf(first);
    const whole = oneAfterTheOther([first, second]);
    expect(whole).toMatchObject({ operations: 2, seconds: 3, latenciesMs: Float64Array.of(6, 8), cpuUs: 30 });
    expect(roundOf({ operations: 2, seconds: 1, cpuUs: 4 })).not.toHaveProperty('walBytes');
  });
});

describe('figures', () => {
  const result = (name: string, rates: readonly number[]) => ({
    name,
    rounds: rates.map((rate) => ({ operations: 1, seconds: 1, rate })),
  });

  it('are medians over the rounds, so that one disturbed round does not count', () => {
    expect(figure(result('a', [100, 1, 102]), 'rate')).toBe(100);
    expect(figure(result('a', [100, 200]), 'rate')).toBe(150);
    expect(figure(result('a', [100]), 'cpuUs')).toBeUndefined();
  });

  it('are compared within a turn: a machine that was slow for both changes nothing', () => {
    expect(ratio(result('a', [200, 20, 202]), result('b', [100, 10, 101]), 'rate')).toBe(2);
    expect(ratio(result('a', [200]), result('b', [100]), 'cpuUs')).toBeUndefined();
  });
});

describe('alternating measurement', () => {
  const contender = (name: string, log: string[]) => ({
    name,
    async warmUp() {
      log.push(`warm ${name}`);
    },
    async round() {
      log.push(name);
      return roundOf({ operations: 1, seconds: 1 });
    },
  });

  it('warms up every contender and then alternates', async () => {
    const log: string[] = [];
    const contenders = [contender('a', log), contender('b', log)];
    const results = await measureInTurn(contenders, { rounds: 2, seconds: 1 }, () => undefined);
    expect(log).toEqual(['warm a', 'warm b', 'a', 'b', 'a', 'b']);
    expect(results.map(({ name, rounds }) => [name, rounds.length])).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
  });

  it('gives no figures if a contender fails', async () => {
    const failing = { ...contender('b', []), round: () => Promise.reject(new Error('refused')) };
    const measuring = measureInTurn([contender('a', []), failing], { rounds: 1, seconds: 1 }, () => undefined);
    await expect(measuring).rejects.toThrow('refused');
  });
});
