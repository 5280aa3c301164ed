import { type Figure, figure, type Result } from '../measure.ts';

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

/** One line a contender; columns that nobody has a figure for are left out. */
export function section(title: string, results: readonly Result[], columns: readonly Column[]): string {
  const shown = columns.filter(({ of }) => results.some((result) => figure(result, of) !== undefined));
  return table(title, [
    ['', ...shown.map((column) => column.title)],
    ...results.map((result) => [result.name, ...shown.map(({ of, digits }) => number(figure(result, of), digits))]),
  ]);
}

/** The first column to the left, the others to the right. */
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
