import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { DecisionResults } from '../suites/decisions.ts';
import { cpu, latency, number, rate, section, table, times } from './table.ts';
import { verdict } from './verdict.ts';

const judgedAt = 200;

/** Decisions in this process: by how many policies, over how many entities. */
export function decisionsSection(measured: readonly DecisionResults[], { rounds }: Pace): string {
  const rows = measured.flatMap(({ policies, relevant, entities, results }) => {
    const [, , reference] = results;
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
    .flatMap(({ entities, results: [engine, , reference] }) => {
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
export function evaluationsSection(results: readonly Result[], { connections, rounds }: Pace): string {
  const [one] = results;
  const empty = results.at(-1);
  const lines = [
    section(
      `AuthZEN evaluations over HTTP (token, DPoP, durable record), ${connections} connections; latency of a request, all else a decision`,
      results,
      [rate('decisions/s'), ...latency, ...cpu('server CPU µs')],
    ),
  ];
  if (one !== undefined && empty !== undefined && one !== empty) {
    lines.push(verdict('the requests/s of the empty server', ratio(one, empty, 'rate'), { atLeast: 1 / 3 }, rounds));
    for (const batch of results.slice(1, -1))
      lines.push(
        `  ${batch.name}: ${times(ratio(batch, empty, 'rate'))} as many decisions as the empty server answers`,
      );
  }
  return lines.join('\n');
}

const count = (value: number | undefined): string => number(value, 0);

function inMicroseconds(result: Result, name: Figure): number | undefined {
  const value = figure(result, name);
  return value === undefined ? undefined : value * 1000;
}
