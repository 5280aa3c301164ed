import { type RecordDraft, recordFaults, requireFit } from '@countersign/contracts';
import type { Logger, Metrics } from '@countersign/runtime';

export type UnfitRecords = 'report' | 'throw';

/** For development and tests: the check costs more than the append. */
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
