import { type Json, membersOf } from '@countersign/kernel';
import { bold, dim, green, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import { grouped } from './progress-bar.ts';
import type { SimulationView } from './simulation.ts';

type LimitChangeView = NonNullable<SimulationView['limitChanges']>[number];

const shownAtMost = 20;

/** The warning about the limits of a simulation. */
export const limitsByThemselves =
  'What is tried, each decision was held to by itself, against what had been used then: nothing is counted again. For ' +
  'what is not, decisions were held to the limits as they were found.';

/** For a comparison, which simulates no decisions. */
export const limitsTriedApart =
  'A simulation tries limits as far as recorded readings go, and no rates: its report says of each on how many decisions.';

export const limitsNotReported =
  'What the candidate makes otherwise of limits and rates this report does not say: simulate again, or see the diff.';

/** The changes of a candidate to limits and rates, as lines for a terminal; empty if there are none. */
export function drawLimitChanges(changes: readonly LimitChangeView[]): readonly string[] {
  if (changes.length === 0) return [];
  const shown = changes.slice(0, shownAtMost);
  const rest = changes.length - shown.length;
  return [
    '',
    yellow(`${grouped(changes.length)} ${changes.length === 1 ? 'change' : 'changes'} of limits and rates`),
    ...shown.map(drawn),
    ...(rest > 0 ? [dim(`and ${grouped(rest)} more; --json shows the first thousand`)] : []),
    dim(limitsByThemselves),
  ];
}

function drawn(change: LimitChangeView): string {
  return `${difference(change)}  ${describeTrial(change)}`;
}

/** By the number of decisions: a limit without a decision was not tested. */
function describeTrial({ tried }: LimitChangeView): string {
  if (tried === undefined) return yellow('not tried');
  if (tried === 0) return yellow('tried on no decision');
  return dim(`tried on ${grouped(tried)} ${tried === 1 ? 'decision' : 'decisions'}`);
}

function difference({ kind, id, change, before, after }: LimitChangeView): string {
  const name = `${kind.padEnd(5)}  ${bold(visible(id))}`;
  switch (change) {
    case 'added':
      return `${green('+')} ${name}  ${inWords(after)}`;
    case 'removed':
      return `${red('-')} ${name}  ${inWords(before)}`;
    case 'changed':
      return `${yellow('~')} ${name}  ${membersThatChange(before, after)}`;
    default:
      return change satisfies never;
  }
}

/** `max 20000000 -> 2000000`, for each member that differs. */
function membersThatChange(before: Json | undefined, after: Json | undefined): string {
  const [was, is] = [membersOf(before), membersOf(after)];
  if (was === undefined || is === undefined) return `${inWords(before)} -> ${inWords(after)}`;
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]))
    .map((name) => `${visible(name)} ${inWords(was[name])} -> ${inWords(is[name])}`)
    .join(', ');
}

function inWords(value: unknown): string {
  if (value === undefined) return 'nothing';
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}
