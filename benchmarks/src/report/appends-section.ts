import { figure, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { AppendResults } from '../suites/appends.ts';
import { allCpu } from './evidence-sections.ts';
import { cpu, latency, number, rate, section, times } from './table.ts';
import { verdict } from './verdict.ts';

/** Durable appends a second and how long each takes, by how many call at once. */
export function appendsSections(measured: readonly AppendResults[], { rounds }: Pace): readonly string[] {
  const sections = measured.map(({ callers, results, drawn }) => {
    const [log, sealed, ...others] = results;
    const lines = [
      section(
        `Audit-log appends, ${callers === 1 ? 'a lone caller' : `${callers} callers at once`}`,
        [...results, ...(drawn.rounds.length === 0 ? [] : [drawn])],
        [rate('appends/s'), ...latency, ...cpu('process CPU µs')],
      ),
    ];
    if (log === undefined) return lines.join('\n');
    if (sealed !== undefined)
      lines.push(`  ${times(ratio(sealed, log, 'cpuUs'))} the process CPU of the audit log: ${sealed.name}`);
    for (const other of others)
      lines.push(
        `  ${times(ratio(log, other, 'rate'))} the rate and ${times(ratio(allCpu(log), allCpu(other), 'cpuUs'))} all CPU of the ${other.name}`,
      );
    if (callers === latencyAt) {
      const inMs = (value: number | undefined) => `${number(value, 1)} ms`;
      lines.push(verdict('p99', figure(log, 'p99Ms'), { atMost: 50 }, rounds, inMs));
    }
    return lines.join('\n');
  });
  const best = Math.max(
    ...measured.flatMap(({ results: [log] }) => (log === undefined ? [] : (figure(log, 'rate') ?? []))),
  );
  const said = (value: number | undefined) => number(value, 0);
  return [...sections, verdict('durable appends a second, at the best', best, { atLeast: 20_000 }, rounds, said)];
}

/** Callers at which the latency is judged. */
const latencyAt = 128;
