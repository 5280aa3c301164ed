import { median } from '../measure.ts';
import type { RevocationDelays } from '../suites/revocation.ts';
import { number, table } from './table.ts';

/** How long what was revoked was still let through, by whom. */
export function revocationSection(delays: readonly RevocationDelays[]): string {
  const turns = Math.max(...delays.flatMap(({ seen }) => seen.map(({ delaysMs }) => delaysMs.length)));
  const rows = delays.flatMap(({ door, seen }) => [
    [door],
    ...seen.map(({ by, delaysMs }) => {
      const [low, middle, high] = [Math.min(...delaysMs), median(delaysMs), Math.max(...delaysMs)];
      return [`  ${by}`, number(low, 0), number(middle, 0), number(high, 0)];
    }),
  ]);
  return table(`Revocation: milliseconds from its answer to the first refusal, ${turns} each, asked without pause`, [
    ['', 'min', 'median', 'max'],
    ...rows,
  ]);
}
