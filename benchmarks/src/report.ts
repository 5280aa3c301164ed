import { type Figure, figure, type Result, ratio } from './measure.ts';
import type { Pace } from './pace.ts';
import type { BenchmarkReport } from './run.ts';

interface Column {
  readonly title: string;
  readonly of: Figure;
  readonly digits: number;
}

const rate = (title: string): Column => ({ title, of: 'rate', digits: 0 });
const latency: readonly Column[] = [
  { title: 'p50 ms', of: 'p50Ms', digits: 2 },
  { title: 'p99 ms', of: 'p99Ms', digits: 2 },
];
const cpu = (title: string): readonly Column[] => [
  { title, of: 'cpuUs', digits: 1 },
  { title: 'PostgreSQL µs', of: 'databaseCpuUs', digits: 1 },
];

/** The report as people read it. */
export function formatReport(report: BenchmarkReport): string {
  const { machine, suites, pace } = report;
  const sections: string[] = [
    [
      `Countersign benchmarks, ${report.at}`,
      `${machine.cpu}, ${machine.cores} cores; ${machine.platform}; Node ${machine.node}; load before the run ${machine.loadBefore.toFixed(2)}`,
      `Medians of ${pace.rounds} round${pace.rounds === 1 ? '' : 's'}, contenders in turn. CPU is time per operation, user and system.`,
      ...report.warnings.map((warning) => `Warning: ${warning}`),
    ].join('\n'),
  ];
  if (suites.tokens !== undefined) sections.push(tokensSection(suites.tokens, pace));
  if (suites.exchange !== undefined)
    sections.push(
      section(`Token exchange (RFC 8693), ${pace.connections} connections`, suites.exchange, [
        rate('tokens/s'),
        ...latency,
        ...cpu('server CPU µs'),
      ]),
    );
  if (suites.decisions !== undefined) sections.push(decisionsSection(suites.decisions, pace.connections));
  for (const { callers, results } of suites.appends ?? []) sections.push(appendsSection(callers, results));
  return `${sections.join('\n\n')}\n`;
}

function tokensSection(results: readonly Result[], { connections, rounds }: Pace): string {
  const [ours, bare, oidcProvider] = results;
  const lines = [
    section(`Client-credentials tokens (private_key_jwt, DPoP, ES256), ${connections} connections`, results, [
      rate('tokens/s'),
      ...latency,
      ...cpu('server CPU µs'),
    ]),
  ];
  if (ours !== undefined && bare !== undefined && oidcProvider !== undefined)
    lines.push(
      verdict('tokens/s of oidc-provider', ratio(ours, oidcProvider, 'rate'), { atLeast: 1.5 }, rounds),
      verdict('server CPU of the bare server', ratio(ours, bare, 'cpuUs'), { atMost: 2 }, rounds),
      `  ${times(ratio(ours, oidcProvider, 'cpuUs'))} the server CPU of oidc-provider, which verifies on several threads at once`,
    );
  return lines.join('\n');
}

function decisionsSection(
  { http, inProcess }: { readonly http: readonly Result[]; readonly inProcess: readonly Result[] },
  connections: number,
): string {
  const lines = [
    section(
      `Policy decisions on the shipped policies; over HTTP with ${connections} connections`,
      [...inProcess, ...http],
      [rate('decisions/s'), ...latency, ...cpu('CPU µs')],
    ),
  ];
  const [engine, compiled, reference] = inProcess;
  if (engine !== undefined && compiled !== undefined && reference !== undefined)
    lines.push(
      `  the engine is ${times(ratio(engine, reference, 'rate'))}, its compiled policies ${times(ratio(compiled, reference, 'rate'))} as fast as the reference engine`,
    );
  return lines.join('\n');
}

function appendsSection(callers: number, results: readonly Result[]): string {
  const [log, ...floors] = results;
  const lines = [
    section(`Audit-log appends, ${callers === 1 ? 'a lone caller' : `${callers} callers at once`}`, results, [
      rate('appends/s'),
      ...latency,
      ...cpu('process CPU µs'),
    ]),
  ];
  if (log !== undefined)
    for (const floor of floors) lines.push(`  ${times(ratio(log, floor, 'rate'))} the rate of the ${floor.name}`);
  return lines.join('\n');
}

type Expectation = { readonly atLeast: number } | { readonly atMost: number };

/** For people; a benchmark that fails a build on a busy machine teaches them to ignore it. */
function verdict(of: string, measured: number | undefined, expected: Expectation, rounds: number): string {
  const bound = 'atLeast' in expected ? `at least ${times(expected.atLeast)}` : `at most ${times(expected.atMost)}`;
  const said = `${times(measured)} the ${of} (expected ${bound})`;
  if (measured === undefined || rounds === 1) return `  too short to judge: ${said}`;
  const kept = 'atLeast' in expected ? measured >= expected.atLeast : measured <= expected.atMost;
  return `  ${kept ? 'as expected' : 'NOT AS EXPECTED'}: ${said}`;
}

function section(title: string, results: readonly Result[], columns: readonly Column[]): string {
  const shown = columns.filter(({ of }) => results.some((result) => figure(result, of) !== undefined));
  const rows = [
    ['', ...shown.map((column) => column.title)],
    ...results.map((result) => [result.name, ...shown.map(({ of, digits }) => number(figure(result, of), digits))]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 3)))
      .join(''),
  );
  return [title, ...lines.map((line) => `  ${line.trimEnd()}`)].join('\n');
}

function number(value: number | undefined, digits: number): string {
  return value === undefined
    ? '-'
    : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function times(value: number | undefined): string {
  return value === undefined ? '-' : `${value.toFixed(value < 10 ? 2 : 0)} x`;
}
