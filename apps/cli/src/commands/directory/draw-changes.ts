import type { Schemas } from '../../api.ts';
import { type ChangeLine, describe } from '../../directory-door.ts';
import { dim, green, red } from '../../output.ts';
import { visible } from '../../visible.ts';

const maxShown = 1_000;

/** One line for each change; below a changed entity, the removed and added values of each member. */
export function drawDifferences(changes: readonly Schemas['PlannedDirectoryChange'][]): readonly string[] {
  return shortened(changes, (change) => [
    describe({ change: change.change, kind: change.kind, id: visible(change.id) }),
    ...(change.fields ?? []).flatMap((field) => memberLines(field, change)),
  ]);
}

/** One line for each change. */
export function drawChanges(changes: readonly ChangeLine[]): readonly string[] {
  return shortened(changes, (change) => [describe({ ...change, id: visible(change.id) })]);
}

/** `3 added, 1 changed, 0 removed` */
export function countsOf(changes: readonly ChangeLine[]): string {
  const count = (wanted: ChangeLine['change']): number => changes.filter(({ change }) => change === wanted).length;
  return `${count('add')} added, ${count('change')} changed, ${count('remove')} removed`;
}

function shortened<Change>(
  changes: readonly Change[],
  linesOf: (change: Change) => readonly string[],
): readonly string[] {
  const lines = changes.slice(0, maxShown).flatMap(linesOf);
  const more = changes.length - maxShown;
  return more > 0 ? [...lines, dim(`and ${more} more`)] : lines;
}

/** Items that only one of the two lists has; the order of lists in the directory has no meaning. */
function memberLines(field: string, { before = {}, after = {} }: Schemas['PlannedDirectoryChange']): readonly string[] {
  const was = partsOf(before[field]);
  const is = partsOf(after[field]);
  const gone = was.filter((part) => !is.includes(part));
  const come = is.filter((part) => !was.includes(part));
  if (gone.length === 0 && come.length === 0) return [dim(`    ${field} is another one`)];
  return [...gone.map((part) => red(`  - ${field}  ${part}`)), ...come.map((part) => green(`  + ${field}  ${part}`))];
}

function partsOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
}

function textOf(value: unknown): string {
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}
