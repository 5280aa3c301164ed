import type { Pace } from '../pace.ts';
import type { SimulationResults } from '../suites/simulation.ts';
import { number, table } from './table.ts';
import { verdict } from './verdict.ts';

/** A candidate over recorded decisions. */
export function simulationSection(results: SimulationResults, { rounds }: Pace): string {
  const { decisions, flips, seconds, cpuSeconds, databaseCpuSeconds } = results;
  const perSecond = decisions / seconds;
  return [
    table('A policy bundle simulated over recorded decisions', [
      ['decisions', 'flips', 'seconds', 'decisions/s', 'CPU s', 'PostgreSQL s'],
      [
        number(decisions, 0),
        number(flips, 0),
        number(seconds, 1),
        number(perSecond, 0),
        number(cpuSeconds, 1),
        number(databaseCpuSeconds, 1),
      ],
    ]),
    verdict('seconds a million', 1_000_000 / perSecond, { atMost: 30 }, rounds, (value) => number(value, 1)),
  ].join('\n');
}
