import { figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { SignInResults } from '../suites/sign-ins.ts';
import { allCpu } from './evidence-sections.ts';
import { cpu, latency, number, rate, section, table, times } from './table.ts';

/** Sign-ins and signed statements beside what they cannot do without, and what became of a thousand under load. */
export function signInSections(
  { signIns, steps, statements, nothingLost }: SignInResults,
  { connections }: Pace,
): readonly string[] {
  const columns = (what: string) => [rate(what), ...latency, ...cpu('process CPU µs')];
  const { ceremonies } = nothingLost;
  return [
    besideFloors(
      section(
        `Sign-ins with a security key, from the page to the session, ${connections} connections`,
        signIns,
        columns('a second'),
      ),
      signIns,
      'sign-ins',
    ),
    table('Their steps: CPU of process and PostgreSQL together, µs', [
      ['', 'p50 ms', 'p99 ms', 'CPU µs', 'floor µs', 'ours is'],
      ...steps.map(({ name, results: [ours, floor] }) => [
        name,
        number(ours && figure(ours, 'p50Ms'), 2),
        number(ours && figure(ours, 'p99Ms'), 2),
        number(ours && figure(allCpu(ours), 'cpuUs'), 0),
        number(floor && figure(allCpu(floor), 'cpuUs'), 0),
        times(ours && floor && ratio(allCpu(ours), allCpu(floor), 'cpuUs')),
      ]),
    ]),
    besideFloors(
      section(
        `Signed statements (approvals): asked for, signed, verified, ${connections} at once`,
        statements,
        columns('a second'),
      ),
      statements,
      'statements',
    ),
    [
      `${number(ceremonies, 0)} sign-ins, ${nothingLost.connections} at once, in ${nothingLost.seconds.toFixed(1)} s: nothing lost`,
      `  ${number(ceremonies, 0)} sessions, each of the right person and with one record; every count of a key is the newest`,
    ].join('\n'),
  ];
}

function besideFloors(said: string, [ours, ...others]: readonly Result[], what: string): string {
  if (ours === undefined) return said;
  const all = allCpu(ours);
  const each = figure(all, 'cpuUs');
  return [
    said,
    `  ${number(each === undefined ? undefined : 1e6 / each, 0)} ${what} a second and core, PostgreSQL included`,
    ...others.map((other) => `  ${times(ratio(all, allCpu(other), 'cpuUs'))} all CPU of the ${other.name}`),
  ].join('\n');
}
