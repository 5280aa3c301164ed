import type { EvidenceSite } from '../evidence/evidence-site.ts';
import { termsBehind } from '../evidence/terms-behind.ts';
import { repeated } from '../in-process-work.ts';
import { allCpu, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { cpu, latency, rate, section, verdict } from '../table.ts';
import { draft } from './appends.ts';
import type { SuiteOptions } from './suite.ts';

/** Callers at once: enough for batches. */
const callers = 128;

/** What an append costs at each size of the log: nothing of it may grow with the log. */
export async function measureLogGrowth(
  options: SuiteOptions & { readonly sites: readonly EvidenceSite[] },
): Promise<readonly Result[]> {
  const { sites, pace, onProgress } = options;
  const behind = sites.map((site) => termsBehind(site));
  try {
    const contenders = sites.map(({ name, auditLog }, place) =>
      repeated({
        name,
        callers,
        work: () => auditLog.append(draft()),
        settle: async () => behind[place]?.settle(),
        warmUpSeconds: pace.warmUpSeconds,
      }),
    );
    const turns = { rounds: pace.evidence.rounds, seconds: pace.evidence.seconds };
    return await measureInTurn(contenders, turns, about('appends as the log grows', onProgress));
  } finally {
    await Promise.all(behind.map((one) => one.stop()));
  }
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
