import { bold, dim, green, print, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import { compareBundles, countChanges, type Difference, type Side } from './compare-bundles.ts';
import { limitsTriedApart } from './draw-limit-changes.ts';
import type { DiffLine } from './text-diff.ts';

/** Prints the differences between two bundles. @returns whether there are any */
export function printComparison(before: Side, after: Side): boolean {
  const differences = compareBundles(before, after);
  for (const difference of differences) {
    print(heading(difference));
    for (const line of difference.lines) print(`    ${drawn(line)}`);
  }
  const { added, changed, removed } = countChanges(differences);
  print(dim(differences.length === 0 ? 'nothing differs' : `${added} added, ${changed} changed, ${removed} removed`));
  if (differences.some(({ kind }) => kind === 'limit' || kind === 'rate')) print(yellow(limitsTriedApart));
  return differences.length > 0;
}

function heading({ change, kind, id }: Difference): string {
  const sign = change === 'add' ? green('+') : change === 'remove' ? red('-') : yellow('~');
  return `${sign} ${kind.padEnd(6)} ${bold(visible(id))}`;
}

function drawn(line: DiffLine): string {
  switch (line.kind) {
    case 'add':
      return green(`+ ${visible(line.text)}`);
    case 'remove':
      return red(`- ${visible(line.text)}`);
    case 'same':
      return dim(`  ${visible(line.text)}`);
    case 'gap':
      return dim('  ...');
    default:
      return line satisfies never;
  }
}

export const noTests = 'no tests: put some into tests/*.json, nothing is published without';

export interface TestsView {
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly {
    readonly file: string;
    readonly name: string;
    readonly ok: boolean;
    readonly differences: readonly string[];
  }[];
  readonly untested: readonly string[];
}

/** Prints the test results of a bundle: the failed tests, or all of them on request. */
export function printTests({ passed, failed, tests, untested }: TestsView, all = false): void {
  for (const { file, name, ok, differences } of tests) {
    if (ok && !all) continue;
    print(`${ok ? green('ok  ') : red('FAIL')}  ${visible(name)}  ${dim(`tests/${file}`)}`);
    for (const difference of differences) print(`        ${visible(difference)}`);
  }
  for (const id of untested) print(`${yellow('untested')}  ${id}`);
  if (passed + failed === 0) {
    print(red(noTests));
    return;
  }
  const words = `${passed} passed, ${failed} failed, policies untested: ${untested.length}`;
  print(failed === 0 ? green(words) : red(words));
}
