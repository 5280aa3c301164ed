/** What one contender did in one round. */
export interface Round {
  readonly operations: number;
  readonly seconds: number;
  /** Operations a second. */
  readonly rate: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** CPU time of the process measured, in microseconds an operation. */
  readonly cpuUs?: number;
  /** CPU time of its PostgreSQL, all processes, in microseconds an operation. */
  readonly databaseCpuUs?: number;
}

export type Figure = Exclude<keyof Round, 'operations' | 'seconds'>;

/** One of those compared in a suite. */
export interface Contender {
  readonly name: string;
  /** Until caches are filled and code is compiled. */
  warmUp(): Promise<void>;
  round(seconds: number): Promise<Round>;
}

/** All rounds of a contender; {@link figure} gives the median. */
export interface Result {
  readonly name: string;
  readonly rounds: readonly Round[];
}

/**
 * Measures contenders in turn, round by round: whatever else the machine does meanwhile hits all of them.
 *
 * @throws what a contender throws: figures of a run with failures are worth nothing
 */
export async function measureInTurn(
  contenders: readonly Contender[],
  pace: { readonly rounds: number; readonly seconds: number },
  onProgress: (message: string) => void,
): Promise<readonly Result[]> {
  const results = contenders.map(({ name }) => ({ name, rounds: [] as Round[] }));
  for (const { name, warmUp } of contenders) {
    onProgress(`${name}: warming up`);
    await warmUp();
  }
  for (let turn = 1; turn <= pace.rounds; turn++) {
    for (const [index, contender] of contenders.entries()) {
      onProgress(`${contender.name}: round ${turn} of ${pace.rounds}`);
      results[index]?.rounds.push(await contender.round(pace.seconds));
    }
  }
  return results;
}

/** Puts a round together from what was counted. Latencies are in milliseconds, in any order; they get sorted. */
export function roundOf(counted: {
  readonly operations: number;
  readonly seconds: number;
  readonly latenciesMs?: Float64Array;
  readonly cpuUs?: number;
  readonly databaseCpuUs?: number | undefined;
}): Round {
  const { operations, seconds, latenciesMs, cpuUs, databaseCpuUs } = counted;
  if (operations === 0 || seconds <= 0) throw new Error('a round in which nothing was done');
  latenciesMs?.sort();
  return {
    operations,
    seconds,
    rate: operations / seconds,
    ...(latenciesMs === undefined ? {} : { p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) }),
    ...(cpuUs === undefined ? {} : { cpuUs: cpuUs / operations }),
    ...(databaseCpuUs === undefined ? {} : { databaseCpuUs: databaseCpuUs / operations }),
  };
}

/** The smallest value that at least `percent` per cent of the sorted values do not exceed (nearest rank). */
export function percentile(sorted: Float64Array, percent: number): number {
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error('a percentile of nothing');
  return value;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error('a median of nothing');
  return (low + high) / 2;
}

/** The median over the rounds; undefined where this contender does not have that figure. */
export function figure(result: Result, name: Figure): number | undefined {
  const values = result.rounds.flatMap((round) => round[name] ?? []);
  return values.length === 0 ? undefined : median(values);
}

/** How many times `of` is of `to`: the median of the rounds' own ratios, since rounds of one turn shared one machine. */
export function ratio(of: Result, to: Result, name: Figure): number | undefined {
  const ratios = of.rounds.flatMap((round, turn) => {
    const [above, below] = [round[name], to.rounds[turn]?.[name]];
    return above === undefined || below === undefined || below === 0 ? [] : [above / below];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}
