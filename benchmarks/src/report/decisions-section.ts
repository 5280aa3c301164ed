import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { DecisionResults } from '../suites/decisions.ts';
import type { EvaluationResults } from '../suites/evaluations.ts';
import { cpu, latency, number, rate, section, table, times } from './table.ts';
import { verdict } from './verdict.ts';

const judgedAt = 200;

/** Decisions in this process: by how many policies, over how many entities. */
export function decisionsSection(measured: readonly DecisionResults[], { rounds }: Pace): string {
  const rows = measured.flatMap(({ policies, relevant, entities, results }) => {
    const reference = results.at(-1);
    return [
      [`${count(policies)} policies, ${count(relevant)} of them for orders; ${count(entities)} entities`],
      ...results.map((result) => [
        `  ${result.name}`,
        number(figure(result, 'rate'), 0),
        number(inMicroseconds(result, 'p50Ms'), 1),
        number(inMicroseconds(result, 'p99Ms'), 1),
        number(figure(result, 'cpuUs'), 1),
        reference === undefined || result === reference ? '' : times(ratio(result, reference, 'rate')),
      ]),
    ];
  });
  const head = ['', 'decisions/s', 'p50 µs', 'p99 µs', 'CPU µs', 'reference engine'];
  const verdicts = measured
    .filter(({ policies }) => policies === judgedAt)
    .flatMap(({ entities, results }) => {
      const [engine] = results;
      const reference = results.at(-1);
      if (engine === undefined || reference === undefined) return [];
      const at = `with ${judgedAt} policies and ${count(entities)} entities`;
      return [
        verdict(`decisions/s of the engine ${at}`, figure(engine, 'rate'), { atLeast: 100_000 }, rounds, count),
        verdict(`µs is its p99`, inMicroseconds(engine, 'p99Ms'), { atMost: 50 }, rounds, (value) => number(value, 1)),
        verdict('the rate of the reference engine', ratio(engine, reference, 'rate'), { atLeast: 20 }, rounds),
      ];
    });
  return [table('Policy decisions in process, one core', [head, ...rows]), ...verdicts].join('\n');
}

/** AuthZEN over HTTP, beside a server that decides nothing. */
export function evaluationsSection({ proved, certified }: EvaluationResults, { connections, rounds }: Pace): string {
  return [
    section(
      `AuthZEN evaluations over HTTP (token, possession, durable record), ${connections} connections; latency of a request, all else a decision`,
      [...proved, ...certified],
      [rate('decisions/s'), ...latency, ...cpu('server CPU µs')],
    ),
    ...besideEmpty(proved, 1 / 3, rounds),
    ...besideEmpty(certified, 2 / 3, rounds),
  ].join('\n');
}

/** The empty server is the last. */
function besideEmpty(results: readonly Result[], atLeast: number, rounds: number): readonly string[] {
  const [one, ...rest] = results;
  const empty = rest.at(-1);
  if (one === undefined || empty === undefined) return [];
  const beside = (of: Result, name: Figure) => times(ratio(of, empty, name));
  return [
    verdict(`the requests/s of the ${empty.name}: ${one.name}`, ratio(one, empty, 'rate'), { atLeast }, rounds),
    `  ${beside(one, 'cpuUs')} its server CPU: ${one.name}`,
    ...rest
      .slice(0, -1)
      .map((batch) => `  ${beside(batch, 'rate')} as many decisions as it answers requests: ${batch.name}`),
  ];
}

const count = (value: number | undefined): string => number(value, 0);

function inMicroseconds(result: Result, name: Figure): number | undefined {
  const value = figure(result, name);
  return value === undefined ? undefined : value * 1000;
}
