import { figure, type Result, ratio } from '../measure.ts';
import type { WholeAndSplitResults } from '../suites/whole-and-split.ts';
import { cpu, latency, number, rate, section, times } from './table.ts';
import { verdict } from './verdict.ts';

/** What four processes cost beside one, with the goals beside it. */
export function wholeAndSplitSections(
  { works, idle }: WholeAndSplitResults,
  { rounds }: { readonly rounds: number },
): readonly string[] {
  const sections = works.map(({ work, underLoad, alone }) => {
    const [whole, ...others] = underLoad;
    const [wholeAlone, ...othersAlone] = alone;
    const columns = [rate('a second'), ...latency, ...cpu('CPU of all processes µs')];
    const lines = others.flatMap((other, index) => {
      const otherAlone = othersAlone[index];
      if (whole === undefined || wholeAlone === undefined || otherAlone === undefined) return [];
      const { name } = other;
      const cpuRatio = ratio(other, whole, 'cpuUs');
      const added = difference(otherAlone, wholeAlone);
      const isGoal = work === 'tokens' && name.startsWith('four');
      return [
        `  ${times(ratio(other, whole, 'rate'))} the rate of one process: ${name}`,
        isGoal
          ? verdict(`the CPU of one process: ${name}`, cpuRatio, { atMost: 1.6 }, rounds)
          : `  ${times(cpuRatio)} the CPU of one process: ${name}`,
        `  ${times(ratio(other, whole, 'databaseCpuUs'))} its CPU of PostgreSQL: ${name}`,
        isGoal
          ? verdict(`added at p50, one at a time: ${name}`, added, { atMost: 2 }, rounds, milliseconds)
          : `  ${milliseconds(added)} added at p50, one at a time: ${name}`,
      ];
    });
    return [
      section(`One process and four: ${work}, under load`, underLoad, columns),
      section(`One process and four: ${work}, one at a time`, alone, columns),
      ...lines,
    ].join('\n');
  });
  return [
    ...sections,
    section('One process and four: a second in which nobody asks anything', idle, cpu('CPU of all processes µs')),
  ];
}

const milliseconds = (value: number | undefined): string => `${number(value, 2)} ms`;

function difference(of: Result, to: Result): number | undefined {
  const [above, below] = [figure(of, 'p50Ms'), figure(to, 'p50Ms')];
  return above === undefined || below === undefined ? undefined : above - below;
}
