import { isCodedError } from '@countersign/kernel';
import type { AuditAppender, AuditLog, EvidenceRecord, RecordDraft } from './audit-log.ts';

/** A record of a command, whoever wrote it. */
export interface RecordedOnce {
  /** RFC 3339. */
  readonly time: string;
  /** What was recorded before, by a process that died before it was stored; left out where it is recorded now. */
  readonly before?: EvidenceRecord;
}

/**
 * Records a command whose id follows from what it is (see `recordIdOfCommand`, `recordIdAfter`): where it is in the log already,
 * its caller goes on from what the record says.
 *
 * @throws CodedError `record_identity_taken` where what is there is about something else, and what `append` throws
 */
export async function appendOnce(
  log: AuditAppender & Pick<AuditLog, 'find'>,
  draft: RecordDraft,
): Promise<RecordedOnce> {
  try {
    return { time: (await log.append(draft)).time };
  } catch (error) {
    const before = isCodedError(error, 'record_identity_taken') ? (await log.find(draft.id))?.record : undefined;
    if (
      before?.type !== draft.type ||
      before.source !== draft.source ||
      before.transaction !== draft.transaction ||
      before.subject?.id !== draft.subject?.id
    )
      throw error;
    return { time: before.time, before };
  }
}
