import {
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  type EvidenceRecord,
  type RecordDraft,
} from './audit-log.ts';

/** The record of a command, written now or by an earlier attempt. */
export interface RecordedOnce {
  /** RFC 3339. */
  readonly time: string;
  /** The record of an earlier attempt that ended before it was stored; absent when this call wrote the record. */
  readonly before?: EvidenceRecord;
}

/**
 * Appends a record with a derived id (see `recordIdOfCommand`, `recordIdOfNext`). When the log already has that record, the
 * caller continues from it.
 *
 * @throws CodedError `record_identity_taken` when the existing record is about something else; errors of `append`
 */
export async function appendOnce(
  log: AuditAppender & Pick<AuditLog, 'find'>,
  draft: RecordDraft,
): Promise<RecordedOnce> {
  try {
    return { time: (await log.append(draft)).time };
  } catch (error) {
    const before = auditLogErrors.is(error, 'record_identity_taken') ? (await log.find(draft.id))?.record : undefined;
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
