import { parseInstant } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import type { Problems } from '../problems.ts';

/** The clock of whoever screens may be this far ahead of ours. */
const clockDifferenceMs = 60_000;

/** A screening is written down once it has been made. Dated ahead it would count for longer than it is good. */
export function checkPostdatedScreenings(
  { written }: Pick<ChangeSet, 'written'>,
  now: number,
  problems: Problems,
): void {
  for (const { entity, path } of written) {
    if (entity.kind !== 'institution' || entity.value.compliance === undefined) continue;
    const { screenedAt } = entity.value.compliance.sanctions;
    if ((parseInstant(screenedAt) ?? 0) > now + clockDifferenceMs)
      problems
        .place(path)
        .at('compliance', 'sanctions', 'screened_at')
        .report(
          'sanctions_postdated',
          `A screening cannot be dated in the future (${screenedAt}). Give the time at which it was made.`,
        );
  }
}
