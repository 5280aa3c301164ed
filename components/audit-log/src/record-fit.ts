import { type RecordDraft, recordFaults, requireFit } from '@countersign/contracts';
import type { Logger, Metrics } from '@countersign/runtime';

/** What becomes of a record that is not as the schema of its type says: it is told and counted, or it is our bug at once. */
export type UnfitRecords = 'tell' | 'throw';

/**
 * Holds what is recorded against the published schemas. It costs more than to append: it is for development and tests,
 * where a writer that strays from its schema is to be found.
 */
export function createFitCheck(dependencies: {
  readonly unfit: UnfitRecords | undefined;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter'> | undefined;
}): (draft: RecordDraft) => void {
  const { unfit, logger, metrics } = dependencies;
  if (unfit === undefined) return () => undefined;
  const counted = metrics?.counter(
    'countersign_log_unfit_records_total',
    'Records that are not as the schema of their type says',
    ['type'],
  );
  return (draft) => {
    const { type, source } = draft;
    const faults = recordFaults(draft);
    if (faults.length === 0) return;
    counted?.inc({ type });
    logger.error({ type, source, faults }, 'a record is not as the schema of its type says');
    if (unfit === 'throw') requireFit(draft);
  };
}
