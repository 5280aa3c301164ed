import type { Pace } from '../pace.ts';
import type { SimulationResults } from '../suites/simulation.ts';
import { number, table } from './table.ts';
import { verdict } from './verdict.ts';

/** A candidate over recorded decisions. */
export function simulationSection(results: SimulationResults, { rounds }: Pace): string {
  const { decisions, flips, seconds, cpuSeconds, databaseCpuSeconds, judgedAlone } = results;
  const aMillion = (seconds * 1_000_000) / decisions;
  const aMillionAlone = (judgedAlone.seconds * 1_000_000) / judgedAlone.decisions;
  const said = (value: number | undefined) => number(value, 1);
  return [
    table('A policy bundle simulated over recorded decisions', [
      ['', 'decisions', 'flips', 'seconds', 'decisions/s', 'CPU s', 'PostgreSQL s'],
      [
        'log read, opened and judged',
        number(decisions, 0),
        number(flips, 0),
        number(seconds, 1),
        number(decisions / seconds, 0),
        number(cpuSeconds, 1),
        number(databaseCpuSeconds, 1),
      ],
      [
        'judged by one thread, records in memory',
        number(judgedAlone.decisions, 0),
        '',
        number(judgedAlone.seconds, 1),
        number(judgedAlone.decisions / judgedAlone.seconds, 0),
      ],
    ]),
    verdict('seconds a million, by the core that judges', aMillionAlone, { atMost: 30 }, rounds, said),
    verdict('seconds a million, the log read and opened beside it', aMillion, { atMost: 30 }, rounds, said),
  ].join('\n');
}
