import { recordsOf } from '../evidence.ts';
import { type Check, counted, type Finding, finding } from './check.ts';

/** The log keeps every hash and records each removal beforehand. Other missing bytes are a fault. */
export const absencesAreExplained: Check = {
  id: 'pruned',
  title: 'Everything no longer kept was removed as the log recorded',
  reads: { 'log.pruned': [] },
  run({ leaves, records }) {
    const absent = leaves.filter(({ reading }) => reading.state === 'pruned');
    if (absent.length === 0) return { ok: true, checked: true, detail: 'The bytes of every record are here.' };
    const prunings = recordsOf(records, 'log.pruned');
    const findings = absent.flatMap(({ index, id }): readonly Finding[] =>
      prunings.some(
        (pruning) =>
          pruning.index > index && pruning.facts.ranges.some(({ first, past }) => first <= index && index < past),
      )
        ? []
        : [
            finding(
              'record_missing',
              `The record at index ${index} has only its hash, and no record states that the log removed it.`,
              id,
            ),
          ],
    );
    if (findings.length > 0) return { ok: false, findings };
    return {
      ok: true,
      checked: true,
      code: 'record_pruned',
      detail: `${counted(absent.length, 'record')} proved by hash: the bytes are no longer kept, so what they said cannot be checked.`,
    };
  },
};
