import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { MandateResults } from '../suites/mandates.ts';
import { number, table, times } from './table.ts';

/** "Does this mandate allow this intent now?", by how long its line is and how many mandates there are. */
export function mandateSections({ checks, memory }: MandateResults): readonly string[] {
  const rows = checks.flatMap(({ chain, mandates, results }) => {
    const [first] = results;
    return [
      [`a chain of ${chain} among ${count(mandates)} mandates`],
      ...results.map((result) => [
        `  ${result.name}`,
        number(figure(result, 'rate'), 0),
        number(inMicroseconds(result, 'p50Ms'), 1),
        number(inMicroseconds(result, 'p99Ms'), 1),
        number(figure(result, 'cpuUs'), 1),
        number(figure(result, 'databaseCpuUs'), 1),
        first === undefined || result === first ? '' : times(ratio(first, result, 'rate')),
      ]),
    ];
  });
  const head = ['', 'checks/s', 'p50 µs', 'p99 µs', 'CPU µs', 'PostgreSQL µs', 'from memory is'];
  return [
    table('Mandate valid for intent, in process, a lone caller', [head, ...rows]),
    table('Memory of the consent store, when it holds all that it keeps', [
      ['mandates in the database', 'in memory', 'heap MB', 'bytes each', 'whole process MB'],
      ...memory.map(({ mandates, remembered, heapBytes, residentBytes }) => [
        count(mandates),
        count(remembered),
        number(heapBytes / 1e6, 1),
        count(heapBytes / Math.max(1, remembered)),
        number(residentBytes / 1e6, 0),
      ]),
    ]),
  ];
}

const count = (value: number): string => number(value, 0);

function inMicroseconds(result: Result, name: Figure): number | undefined {
  const value = figure(result, name);
  return value === undefined ? undefined : value * 1000;
}
