/** The result of one contender in one round. */
export interface Round {
  readonly operations: number;
  readonly seconds: number;
  /** Operations per second. */
  readonly rate: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** CPU time of the measured process, in microseconds per operation. */
  readonly cpuUs?: number;
  /** CPU time of all its PostgreSQL processes, in microseconds per operation. */
  readonly databaseCpuUs?: number;
  /** Write-ahead log of its PostgreSQL, in bytes per operation. */
  readonly walBytes?: number;
}

export type Figure = Exclude<keyof Round, 'operations' | 'seconds'>;

export interface Contender<Turn = Round> {
  readonly name: string;
  /** Runs until caches are filled and code is compiled. */
  warmUp(): Promise<unknown>;
  round(seconds: number): Promise<Turn>;
}

/** All rounds of a contender; {@link figure} gives the median. */
export interface Result<Turn = Round> {
  readonly name: string;
  readonly rounds: readonly Turn[];
}

/** Selects one of the rounds that each turn contains. */
export function partOf<Turn>(results: readonly Result<Turn>[], part: (turn: Turn) => Round): readonly Result[] {
  return results.map(({ name, rounds }) => ({ name, rounds: rounds.map(part) }));
}

/**
 * Measures contenders alternately, round by round, so that other load on the machine affects all of them.
 *
 * @throws what a contender throws, because figures of a run with failures are worthless
 */
export async function measureInTurn<Turn = Round>(
  contenders: readonly Contender<Turn>[],
  pace: { readonly rounds: number; readonly seconds: number },
  onProgress: (message: string) => void,
): Promise<readonly Result<Turn>[]> {
  const results = contenders.map(({ name }) => ({ name, rounds: [] as Turn[] }));
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

const costNames = ['cpuUs', 'databaseCpuUs', 'walBytes'] as const;
type Costs = Readonly<Record<(typeof costNames)[number], number | undefined>>;

export interface Counted extends Partial<Costs> {
  readonly operations: number;
  readonly seconds: number;
  /** In milliseconds, one per operation. */
  readonly latenciesMs?: Float64Array;
}

export function roundOf(counted: Counted): Round {
  const { operations, seconds, latenciesMs } = counted;
  if (operations === 0 || seconds <= 0) throw new Error('a round in which nothing was done');
  const sorted = latenciesMs === undefined ? undefined : Float64Array.from(latenciesMs).sort();
  return {
    operations,
    seconds,
    rate: operations / seconds,
    ...(sorted === undefined ? {} : { p50Ms: percentile(sorted, 50), p99Ms: percentile(sorted, 99) }),
    ...costsPer(operations, counted),
  };
}

/** The costs of so many operations divided among them. */
export function costsPer(operations: number, of: Partial<Costs>): Partial<Record<keyof Costs, number>> {
  return Object.fromEntries(
    costNames.flatMap((name) => {
      const value = of[name];
      return value === undefined ? [] : [[name, value / operations]];
    }),
  );
}

/** Combines measurements of different operations: counts add up, latencies are concatenated. */
export function together(parts: readonly Counted[]): Counted {
  const latencies = parts.map(({ latenciesMs }) => latenciesMs ?? new Float64Array());
  const all = new Float64Array(latencies.reduce((length, each) => length + each.length, 0));
  let offset = 0;
  for (const each of latencies) {
    all.set(each, offset);
    offset += each.length;
  }
  return { ...costs(parts), operations: sum(parts.map(({ operations }) => operations)), latenciesMs: all };
}

/** Combines consecutive steps of the same operations: costs and the latencies of each operation add up. */
export function oneAfterTheOther(steps: readonly Counted[]): Counted {
  const [first] = steps;
  if (first === undefined) throw new Error('an operation without steps');
  const latenciesMs = new Float64Array(first.operations);
  for (const step of steps)
    for (const [index, latency] of step.latenciesMs?.entries() ?? [])
      latenciesMs[index] = (latenciesMs[index] ?? 0) + latency;
  return { ...costs(steps), operations: first.operations, latenciesMs };
}

function costs(parts: readonly Counted[]): Pick<Counted, 'seconds' | keyof Costs> {
  const known = costNames.flatMap((name) => {
    const values = parts.flatMap((part) => part[name] ?? []);
    return values.length === 0 ? [] : [[name, sum(values)]];
  });
  return { seconds: sum(parts.map(({ seconds }) => seconds)), ...Object.fromEntries(known) };
}

export function mapMembers<Name extends string, Value, Mapped>(
  of: Readonly<Record<Name, Value>>,
  map: (value: Value, name: Name) => Mapped,
): Readonly<Record<Name, Mapped>> {
  const names = Object.keys(of) as Name[];
  return Object.fromEntries(names.map((name) => [name, map(of[name], name)])) as Record<Name, Mapped>;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The nearest-rank percentile: the smallest value that at least `percent` per cent of the sorted values do not exceed. */
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

/** The median over the rounds; undefined if this contender lacks the figure. */
export function figure(result: Result, name: Figure): number | undefined {
  const values = result.rounds.flatMap((round) => round[name] ?? []);
  return values.length === 0 ? undefined : median(values);
}

/** The ratio of `of` to `to`: the median of the ratios per round, because the rounds of one turn shared the machine. */
export function ratio(of: Result, to: Result, name: Figure): number | undefined {
  const ratios = of.rounds.flatMap((round, turn) => {
    const [above, below] = [round[name], to.rounds[turn]?.[name]];
    return above === undefined || below === undefined || below === 0 ? [] : [above / below];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** The same rounds with the CPU time of this process and of PostgreSQL added together. */
export function allCpu({ name, rounds }: Result): Result {
  return {
    name,
    rounds: rounds.map((round) => ({ ...round, cpuUs: (round.cpuUs ?? 0) + (round.databaseCpuUs ?? 0) })),
  };
}
