import { expect, it } from 'vitest';
import { pairwise } from './matrix.ts';

it.each([[[2, 2, 2]], [[3, 4, 2, 5]], [[12, 7, 7, 2, 3, 2, 2, 11]]])(
  'every pair of values of %j is in some row, with far fewer rows than situations',
  (sizes) => {
    const rows = pairwise(sizes);
    for (const [one, values] of sizes.entries())
      for (let other = one + 1; other < sizes.length; other += 1)
        for (let value = 0; value < values; value += 1)
          for (let beside = 0; beside < (sizes[other] ?? 0); beside += 1)
            expect(rows.some((row) => row[one] === value && row[other] === beside)).toBe(true);
    expect(rows.length).toBeLessThanOrEqual(sizes.reduce((product, size) => product * size, 1));
    for (const row of rows) expect(row).toHaveLength(sizes.length);
  },
);

it('the same sizes give the same rows', () => {
  expect(pairwise([4, 3, 2])).toEqual(pairwise([4, 3, 2]));
  expect(pairwise([])).toEqual([]);
});
