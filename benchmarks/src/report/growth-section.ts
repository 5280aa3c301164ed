import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { GrowthResults } from '../suites/growth.ts';
import { number, table, times } from './table.ts';

/** What it costs when every table has grown, and how much of each table the same work reads. */
export function growthSections({ sizes, operations, readings }: GrowthResults): readonly string[] {
  const rounds = operations[0]?.results[0]?.rounds.length ?? 0;
  const columns = sizes.map((size) => size.toLocaleString('en-US'));
  const head = (title: string) => [title, ...columns, ...columns.slice(1).map((column) => `${column} is`)];
  const costs = (title: string, digits: number, of: (result: Result) => Result, name: Figure) =>
    table(title, [
      head('rows in every table'),
      ...operations.map(({ name: operation, results }) => {
        const [smallest, ...others] = results.map(of);
        const figures = results.map(of).map((result) => number(figure(result, name), digits));
        const ratios = others.map((result) =>
          times(smallest === undefined ? undefined : ratio(result, smallest, name)),
        );
        return [operation, ...figures, ...ratios];
      }),
    ]);
  const read = (title: string, of: (reading: GrowthResults['readings'][number]['atSize'][number]) => number) =>
    table(title, [
      ['', ...columns],
      ...readings.map(({ table: name, atSize }) => [name, ...atSize.map((reading) => number(of(reading), 0))]),
    ]);
  return [
    costs(
      `Growth: CPU of server and PostgreSQL together, µs an operation, 16 connections, medians of ${rounds}`,
      0,
      allCpu,
      'cpuUs',
    ),
    costs('Growth: latency, p50 ms', 2, (result) => result, 'p50Ms'),
    costs('Growth: write-ahead log of PostgreSQL, bytes an operation', 0, (result) => result, 'walBytes'),
    read('Growth: rows and index entries read by the same work', ({ rowsRead }) => rowsRead),
    read('Growth: scans of whole tables by the same work', ({ sequentialScans }) => sequentialScans),
  ];
}

function allCpu({ name, rounds }: Result): Result {
  return {
    name,
    rounds: rounds.map((round) => ({ ...round, cpuUs: (round.cpuUs ?? 0) + (round.databaseCpuUs ?? 0) })),
  };
}
