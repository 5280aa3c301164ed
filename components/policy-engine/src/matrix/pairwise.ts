/** A row of a covering design: the index of a value for each factor. */
type DesignRow = readonly number[];

/**
 * A covering design of strength two: every pair of values of any two factors is in some row. Greedy and deterministic.
 *
 * @param sizes the number of values of each factor, at least one
 */
export function pairwise(sizes: readonly number[]): readonly DesignRow[] {
  const open = new Set<string>();
  for (const [one, values] of sizes.entries())
    for (let other = one + 1; other < sizes.length; other += 1)
      for (let value = 0; value < values; value += 1)
        for (let beside = 0; beside < (sizes[other] ?? 0); beside += 1) open.add(keyOf(one, value, other, beside));
  const rows: DesignRow[] = [];
  while (open.size > 0) {
    const [first = ''] = open;
    const [one = 0, value = 0, other = 0, beside = 0] = first.split('.').map(Number);
    const row: (number | undefined)[] = sizes.map(() => undefined);
    row[one] = value;
    row[other] = beside;
    for (const factor of sizes.keys()) row[factor] ??= bestValue(row, factor, sizes[factor] ?? 1, open, rows.length);
    const full = row.map((each) => each ?? 0);
    for (const [left, chosen] of full.entries())
      for (let right = left + 1; right < full.length; right += 1)
        open.delete(keyOf(left, chosen, right, full[right] ?? 0));
    rows.push(full);
  }
  return rows;
}

/** The value that covers the most uncovered pairs; equal ones take turns. */
function bestValue(
  row: readonly (number | undefined)[],
  factor: number,
  size: number,
  open: ReadonlySet<string>,
  turn: number,
): number {
  let best = turn % size;
  let most = -1;
  for (let step = 0; step < size; step += 1) {
    const value = (turn + step) % size;
    let covered = 0;
    for (const [other, chosen] of row.entries()) {
      if (chosen === undefined || other === factor) continue;
      const key = other < factor ? keyOf(other, chosen, factor, value) : keyOf(factor, value, other, chosen);
      if (open.has(key)) covered += 1;
    }
    if (covered > most) {
      most = covered;
      best = value;
    }
  }
  return best;
}

function keyOf(one: number, value: number, other: number, beside: number): string {
  return `${one}.${value}.${other}.${beside}`;
}
