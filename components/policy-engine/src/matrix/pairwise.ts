/** A row of a covering design: for each factor the number of its value. */
type DesignRow = readonly number[];

/**
 * A covering design of strength two: of any two factors every pair of values is in some row. Greedy and without chance, so the
 * same sizes always give the same rows.
 *
 * @param sizes how many values each factor has, at least one
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

/** The value by which most pairs are covered that no row has yet; of equal ones each in its turn. */
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
