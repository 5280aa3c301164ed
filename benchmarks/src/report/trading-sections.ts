import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { ReconstructionResults } from '../suites/reconstruction.ts';
import type { TransitionResults } from '../suites/transitions.ts';
import { cpu, latency, number, rate, section, table, times } from './table.ts';
import { verdict } from './verdict.ts';

/** Durable transitions a second, beside what the log alone takes, and what each step costs. */
export function transitionSections(measured: readonly TransitionResults[]): readonly string[] {
  return measured.flatMap(({ callers, transitions, appends }) => {
    const at = callers === 1 ? 'a lone caller' : `${callers} callers at once`;
    const all = transitions.map(({ name, all: result }) => ({ ...result, name: `transitions, ${name}` }));
    const [empty, ...grown] = transitions;
    return [
      [
        section(
          `Durable transitions of orders from submission to settlement, ${at}`,
          [...all, appends],
          [rate('a second'), ...latency, ...cpu('process CPU µs')],
        ),
        ...all.map((result) => `  ${times(ratio(result, appends, 'rate'))} the rate of the appends: ${result.name}`),
      ].join('\n'),
      table(`Their steps, ${at}: CPU of process and PostgreSQL together, µs`, [
        ['', ...transitions.map(({ name }) => name), ...grown.map(({ name }) => `${name} is`), 'p50 ms', 'p99 ms'],
        ...(empty?.steps ?? []).map((first, step) => {
          const results = transitions.flatMap(({ steps }) => steps[step] ?? []);
          const last = results.at(-1) ?? first;
          return [
            first.name,
            ...results.map((result) => number(figure(allCpu(result), 'cpuUs'), 0)),
            ...results.slice(1).map((result) => times(ratio(allCpu(result), allCpu(first), 'cpuUs'))),
            ...(['p50Ms', 'p99Ms'] as const satisfies readonly Figure[]).map((name) => number(figure(last, name), 2)),
          ];
        }),
      ]),
    ];
  });
}

/** One transaction's chain of authority among a million. */
export function reconstructionSections(
  measured: readonly ReconstructionResults[],
  { reconstruction: { rounds } }: Pace,
): readonly string[] {
  return measured.map(({ name, results }) => {
    const columns = [rate('a second'), ...latency, ...cpu('process CPU µs')];
    const inMs = (value: number | undefined) => `${number(value, 1)} ms`;
    return [
      section(`Reconstruction of one transaction, a lone caller; in the log: ${name}`, results, columns),
      ...results
        .slice(0, 1)
        .map((result) => verdict(`p99, ${result.name}`, figure(result, 'p99Ms'), { atMost: 50 }, rounds, inMs)),
    ].join('\n');
  });
}

function allCpu({ name, rounds }: Result): Result {
  return {
    name,
    rounds: rounds.map((round) => ({ ...round, cpuUs: (round.cpuUs ?? 0) + (round.databaseCpuUs ?? 0) })),
  };
}
