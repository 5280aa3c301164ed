export type DiffLine =
  | { readonly kind: 'same' | 'add' | 'remove'; readonly text: string }
  /** Omitted lines that are equal on both sides. */
  | { readonly kind: 'gap' };

/**
 * Above this number of line pairs, the whole text counts as replaced, because the longest common subsequence is too expensive.
 */
const maxPairs = 4_000_000;

/** A line diff with context around each change. Empty if all lines are equal; a missing final line break is ignored. */
export function diffLines(before: string, after: string, context = 2): readonly DiffLine[] {
  const [left, right] = [linesOf(before), linesOf(after)];
  if (left.length === right.length && left.every((line, index) => line === right[index])) return [];
  let start = 0;
  while (start < Math.min(left.length, right.length) && left[start] === right[start]) start++;
  let end = 0;
  while (end < Math.min(left.length, right.length) - start && left.at(-1 - end) === right.at(-1 - end)) end++;
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  return withGaps(
    [
      ...left.slice(0, start).map(same),
      ...changesOf(left.slice(start, left.length - end), right.slice(start, right.length - end)),
      ...left.slice(left.length - end).map(same),
    ],
    context,
  );
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Uses the longest common subsequence, which gives the fewest removed and added lines. */
function changesOf(left: readonly string[], right: readonly string[]): readonly DiffLine[] {
  const remove = left.map((text): DiffLine => ({ kind: 'remove', text }));
  const add = right.map((text): DiffLine => ({ kind: 'add', text }));
  if (left.length === 0 || right.length === 0 || left.length * right.length > maxPairs) return [...remove, ...add];
  const width = right.length + 1;
  // common[i * width + j]: length of the longest common subsequence of left from i and right from j.
  const common = new Uint32Array((left.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      common[i * width + j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    if (left[i] === right[j]) {
      lines.push({ kind: 'same', text: left[i] ?? '' });
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push({ kind: 'remove', text: left[i++] ?? '' });
    else lines.push({ kind: 'add', text: right[j++] ?? '' });
  }
  return [...lines, ...remove.slice(i), ...add.slice(j)];
}

function withGaps(lines: readonly DiffLine[], context: number): readonly DiffLine[] {
  const near = new Set<number>();
  for (const [index, { kind }] of lines.entries())
    if (kind !== 'same') for (let around = index - context; around <= index + context; around++) near.add(around);
  const shown: DiffLine[] = [];
  for (const [index, line] of lines.entries())
    if (near.has(index)) shown.push(line);
    else if (shown.at(-1)?.kind !== 'gap') shown.push({ kind: 'gap' });
  return shown;
}
