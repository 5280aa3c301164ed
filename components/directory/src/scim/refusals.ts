import type { Actor, AuditAppender } from '@countersign/contracts';
import type { CodedError, RecordId } from '@countersign/kernel';

/** Writes down what a provisioning system asked for and may not have, before it is told. */
export type Refuse = (error: CodedError, by: Actor, entity: string) => Promise<never>;

export function createRefuse(dependencies: {
  readonly audit: AuditAppender;
  readonly newRecordId: () => RecordId;
}): Refuse {
  return async (error, by, entity) => {
    await dependencies.audit.append({
      id: dependencies.newRecordId(),
      type: 'access.refused',
      source: 'directory',
      outcome: 'deny',
      reason: error.code,
      subject: by,
      data: { operation: 'identity:provision', entity },
    });
    throw error;
  };
}
