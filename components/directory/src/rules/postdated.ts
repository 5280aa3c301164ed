import { parseInstant } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import type { Entity } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** Tolerance for a source whose clock is ahead of ours. */
const clockDifferenceMs = 60_000;

interface Dated {
  readonly at: string;
  readonly steps: readonly string[];
  readonly code: 'sanctions_postdated' | 'reference_postdated';
  readonly detail: string;
}

/** A finding dated in the future would count for longer than its maximum age. */
export function checkPostdated({ written }: Pick<ChangeSet, 'written'>, now: number, problems: Problems): void {
  for (const { entity, path } of written) {
    const dated = datedIn(entity);
    if (dated !== undefined && (parseInstant(dated.at) ?? 0) > now + clockDifferenceMs)
      problems
        .place(path)
        .at(...dated.steps)
        .report(dated.code, dated.detail);
  }
}

function datedIn(entity: Entity): Dated | undefined {
  switch (entity.kind) {
    case 'institution': {
      const at = entity.value.compliance?.sanctions.screenedAt;
      if (at === undefined) return undefined;
      const detail = `A screening cannot be dated in the future (${at}). Give the time at which it was made.`;
      return { at, steps: ['compliance', 'sanctions', 'screened_at'], code: 'sanctions_postdated', detail };
    }
    case 'instrument':
    case 'rate': {
      const at = entity.value.asOf;
      const detail = `Reference data cannot be dated in the future (${at}). Give the time at which it was known.`;
      return { at, steps: ['as_of'], code: 'reference_postdated', detail };
    }
    default:
      return undefined;
  }
}
