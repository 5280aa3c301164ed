import { bold, dim, green, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import { drawLimitChanges, limitsNotReported } from './draw-limit-changes.ts';
import { grouped } from './progress-bar.ts';
import type { SimulationView } from './simulation.ts';

type FlipCountView = SimulationView['by']['desk'][number];

const rowsShown = 12;
const flipsShown = 20;

/** A simulation report as lines for a terminal: totals and places of changed decisions, and the first ones individually. */
export function drawSimulation(report: SimulationView): readonly string[] {
  const { decisions, permitToDeny, denyToPermit, otherChanges, baseVersion } = report;
  const flips = permitToDeny + denyToPermit;
  return [
    `${bold(report.id)}  ${dim(`against version ${baseVersion}`)}  ${dim(report.bundleHash)}`,
    dim(`of ${rangeInWords(report.range)}`),
    '',
    ...(decisions === 0 ? [yellow('No recorded decision with complete inputs matches the given time and names.')] : []),
    `${grouped(decisions)} decisions, ${flips === 0 ? (decisions === 0 ? dim : green)('no flips') : yellow(`${grouped(flips)} flips`)}: ` +
      `${red(`${grouped(permitToDeny)} permit to deny`)}, ${green(`${grouped(denyToPermit)} deny to permit`)}; ` +
      `${grouped(otherChanges)} the same for other reasons`,
    ...Object.entries(report.skipped).map(([why, count]) => yellow(`${grouped(count)} skipped: ${visible(why)}`)),
    ...(flips === 0 ? [] : tables(report)),
    ...(report.flips.length === 0 ? [] : ['', ...flipLines(report)]),
    ...(report.limitChanges === undefined ? ['', yellow(limitsNotReported)] : drawLimitChanges(report.limitChanges)),
  ];
}

/** The simulated decisions. A few flips among few decisions mean little. */
function rangeInWords({ from, until, ...only }: SimulationView['range']): string {
  const narrowed = Object.entries(only).map(([name, value]) => `${name} ${visible(String(value))}`);
  const time = `${from === undefined ? '' : ` from ${visible(from)}`}${until === undefined ? '' : ` until ${visible(until)}`}`;
  return `all decisions${time}${narrowed.length === 0 ? '' : `, only ${narrowed.join(', ')}`}`;
}

function tables({ by }: SimulationView): readonly string[] {
  return (['institution', 'desk', 'action'] as const).flatMap((name) => ['', ...table(name, by[name])]);
}

/** Names on the left, numbers on the right of their columns. Rows without a flip are not shown. */
function table(heading: string, counts: readonly FlipCountView[]): readonly string[] {
  const flipped = counts.filter(({ permitToDeny, denyToPermit }) => permitToDeny + denyToPermit > 0);
  const shown = flipped.slice(0, rowsShown);
  const rows = shown.map(({ name, decisions, permitToDeny, denyToPermit }) => [
    name === '' ? '(none)' : visible(name),
    grouped(decisions),
    grouped(permitToDeny),
    grouped(denyToPermit),
  ]);
  const headings = [heading, 'decisions', 'permit to deny', 'deny to permit'];
  const widths = headings.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (left: string, middle: string, right: string) =>
    dim(left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right);
  const cells = (row: readonly string[]) =>
    `${dim('│')} ${row.map((cell, column) => aligned(cell, widths[column] ?? 0, column)).join(dim(' │ '))} ${dim('│')}`;
  return [
    line('┌', '┬', '┐'),
    cells(headings),
    line('├', '┼', '┤'),
    ...rows.map(cells),
    line('└', '┴', '┘'),
    ...(flipped.length > shown.length ? [dim(`and ${flipped.length - shown.length} more`)] : []),
  ];
}

function aligned(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function flipLines({ flips, permitToDeny, denyToPermit }: SimulationView): readonly string[] {
  const shown = flips.slice(0, flipsShown);
  const rest = permitToDeny + denyToPermit - shown.length;
  return [
    ...shown.flatMap(({ record, at, principal, action, from, to, before, after, limits }) => [
      `${at}  ${from} to ${to === 'deny' ? red(to) : green(to)}  ${visible(principal)}  ${visible(action)}  ${dim(record)}`,
      dim(`    ${grounds(before, limits?.before)} -> ${grounds(after, limits?.after)}`),
    ]),
    ...(rest > 0 ? [dim(`and ${grouped(rest)} more; --json shows the first thousand`)] : []),
  ];
}

/** The policies and limits that determined the decision. */
function grounds(policies: readonly string[], limits: readonly string[] = []): string {
  if (limits.length > 0) return visible(`${limits.length === 1 ? 'limit' : 'limits'} ${limits.join(', ')}`);
  return policies.length === 0 ? 'no policy' : visible(policies.join(', '));
}
