import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { QueryResults } from '../suites/evidence-queries.ts';
import type { ProofResults } from '../suites/proofs.ts';
import { cpu, latency, number, rate, section, table, times } from './table.ts';
import { verdict } from './verdict.ts';

const inMs = (value: number | undefined): string => `${number(value, 2)} ms`;

/** Proofs at each size of the log, and what a record takes on the disk. */
export function proofSections({ proofs, sizes }: ProofResults, pace: Pace): readonly string[] {
  const { rounds } = pace.evidence;
  const slowest = proofs.map(({ name, results }) => {
    const largest = results.at(-1);
    return verdict(
      `p99, ${name}, ${largest?.name ?? ''}`,
      largest === undefined ? undefined : figure(largest, 'p99Ms'),
      { atMost: 5 },
      rounds,
      inMs,
    );
  });
  return [
    [bySize('Proofs, a lone caller', proofs), ...slowest].join('\n'),
    table('Bytes on the disk a record, with indexes', [
      ['', 'all', 'places and hashes', 'bodies', 'tiles', 'terms', 'terms drawn/s'],
      ...sizes.map(({ name, records, bytes, termsDrawnASecond }) => [
        name,
        ...[
          Object.values(bytes).reduce((total, value) => total + value, 0),
          bytes.entries,
          bytes.bodies,
          bytes.tiles,
          bytes.terms,
        ].map((value) => number(value / records, 1)),
        number(termsDrawnASecond, 0),
      ]),
    ]),
  ];
}

/** What appends cost at each size of the log. */
export function logGrowthSection(results: readonly Result[], pace: Pace): string {
  const { rounds } = pace.evidence;
  const [smallest, largest] = [results[0], results.at(-1)];
  const grown =
    smallest === undefined || largest === undefined ? undefined : ratio(allCpu(largest), allCpu(smallest), 'cpuUs');
  return [
    section('Audit-log appends as the log grows, 128 callers at once', results, [
      rate('appends/s'),
      ...latency,
      ...cpu('process CPU µs'),
    ]),
    verdict('all CPU of an append in the smallest log, in the largest', grown, { atMost: 1.25 }, rounds),
  ].join('\n');
}

/** One transaction, one person, one mandate among all the others. */
export function evidenceQuerySection(queries: readonly QueryResults[], pace: Pace): string {
  const chain = queries[0]?.results.at(-1);
  return [
    bySize('Questions to the log, a lone caller', queries),
    ...(chain === undefined
      ? []
      : [
          verdict(
            `p99, ${queries[0]?.name}, ${chain.name}`,
            figure(chain, 'p99Ms'),
            { atMost: 50 },
            pace.evidence.rounds,
            inMs,
          ),
        ]),
  ].join('\n');
}

/** Appends of a log that others watch, beside those of one that nobody does. */
export function publicationSection(results: readonly Result[], pace: Pace): string {
  const [alone, ...watched] = results;
  return [
    section(
      `Audit-log appends, ${pace.publication.callers} callers at once, while it is witnessed and published every second`,
      results,
      [rate('appends/s'), ...latency, ...cpu('process CPU µs')],
    ),
    ...watched.flatMap((result) =>
      alone === undefined
        ? []
        : [
            `  ${times(ratio(result, alone, 'rate'))} the rate and ${times(ratio(allCpu(result), allCpu(alone), 'cpuUs'))} all CPU: ${result.name}`,
          ],
    ),
  ].join('\n');
}

/** A question a row and a size a line below it, the CPU of the largest as so many times that of the smallest. */
function bySize(
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

/** Of this process and of PostgreSQL together. */
export function allCpu({ name, rounds }: Result): Result {
  return {
    name,
    rounds: rounds.map((round) => ({ ...round, cpuUs: (round.cpuUs ?? 0) + (round.databaseCpuUs ?? 0) })),
  };
}
