import { allCpu, type Figure, figure, type Result, ratio } from './measure.ts';

export interface Column {
  readonly title: string;
  readonly of: Figure;
  readonly digits: number;
}

export const rate = (title: string): Column => ({ title, of: 'rate', digits: 0 });
export const latency: readonly Column[] = [
  { title: 'p50 ms', of: 'p50Ms', digits: 2 },
  { title: 'p99 ms', of: 'p99Ms', digits: 2 },
];
export const cpu = (title: string): readonly Column[] => [
  { title, of: 'cpuUs', digits: 1 },
  { title: 'PostgreSQL µs', of: 'databaseCpuUs', digits: 1 },
];

/** One line per contender; columns without figures are left out. */
export function section(title: string, results: readonly Result[], columns: readonly Column[]): string {
  const shown = columns.filter(({ of }) => results.some((result) => figure(result, of) !== undefined));
  return table(title, [
    ['', ...shown.map((column) => column.title)],
    ...results.map((result) => [result.name, ...shown.map(({ of, digits }) => number(figure(result, of), digits))]),
  ]);
}

/** The first column is aligned to the left, the others to the right. */
export function table(title: string, rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 3)))
      .join(''),
  );
  return [title, ...lines.map((line) => `  ${line.trimEnd()}`)].join('\n');
}

export function number(value: number | undefined, digits: number): string {
  return value === undefined
    ? '-'
    : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function times(value: number | undefined): string {
  return value === undefined ? '-' : `${value.toFixed(value < 10 ? 2 : 0)} x`;
}

export const count = (value: number | undefined): string => number(value, 0);

export function inMicroseconds(result: Result, name: Figure): number | undefined {
  const value = figure(result, name);
  return value === undefined ? undefined : value * 1000;
}

export const inMs =
  (digits: number) =>
  (value: number | undefined): string =>
    `${number(value, digits)} ms`;

/** The costs of a single caller, in microseconds. */
export const loneCallerCells = (result: Result): readonly string[] => [
  number(figure(result, 'rate'), 0),
  number(inMicroseconds(result, 'p50Ms'), 1),
  number(inMicroseconds(result, 'p99Ms'), 1),
  number(figure(result, 'cpuUs'), 1),
];

/** One question per row with one line per log size below it; the last column compares the CPU with that of the smallest log. */
export function bySize(
  title: string,
  measured: readonly { readonly name: string; readonly results: readonly Result[] }[],
): string {
  const head = ['', 'a second', 'p50 ms', 'p99 ms', 'process CPU µs', 'PostgreSQL µs', 'all CPU is'];
  const rows = measured.flatMap(({ name, results }) => {
    const [first] = results;
    const of = (result: Result, what: Figure, digits: number): string => number(figure(result, what), digits);
    return [
      [name],
      ...results.map((result) => [
        `  ${result.name}`,
        of(result, 'rate', 0),
        of(result, 'p50Ms', 3),
        of(result, 'p99Ms', 3),
        of(result, 'cpuUs', 1),
        of(result, 'databaseCpuUs', 1),
        first === undefined || result === first ? '' : times(ratio(allCpu(result), allCpu(first), 'cpuUs')),
      ]),
    ];
  });
  return table(title, [head, ...rows]);
}

export type Expectation = { readonly atLeast: number } | { readonly atMost: number };

/** A sentence for readers. A verdict never fails the run, because other load on the machine affects it. */
export function verdict(
  of: string,
  measured: number | undefined,
  expected: Expectation,
  rounds: number,
  said: (value: number | undefined) => string = times,
): string {
  const bound = 'atLeast' in expected ? `at least ${said(expected.atLeast)}` : `at most ${said(expected.atMost)}`;
  const sentence = `${said(measured)} ${of} (expected ${bound})`;
  if (measured === undefined || rounds === 1) return `  too short to judge: ${sentence}`;
  const kept = 'atLeast' in expected ? measured >= expected.atLeast : measured <= expected.atMost;
  return `  ${kept ? 'as expected' : 'NOT AS EXPECTED'}: ${sentence}`;
}
