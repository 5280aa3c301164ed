import type { Actor, AuditAppender } from '@countersign/contracts';
import type { CodedError, Digest, Json, RecordId } from '@countersign/kernel';

export interface Attempt {
  readonly operation:
    | 'directory:apply'
    | 'directory:edit'
    | 'compliance:record'
    | 'reference:record'
    | 'directory:propose'
    | 'directory:approve'
    | 'directory:reject';
  readonly by: Actor;
  /** Of the file or the edit; taken only when it is needed. */
  readonly digest?: () => Digest;
  readonly change?: string;
}

/** Writes down what somebody who is known asked for and may not have, before they are told. */
export interface Refusals {
  /**
   * Malformed requests are only malformed. What is forbidden, or in conflict with what is there, is worth remembering,
   * with who sent it.
   */
  refuse(error: CodedError, attempt: Attempt): Promise<never>;
}

export function createRefusals(dependencies: {
  readonly audit: AuditAppender;
  readonly newRecordId: () => RecordId;
}): Refusals {
  return {
    async refuse(error, { operation, by, digest, change }) {
      if (isRemembered(error))
        await dependencies.audit.append({
          id: dependencies.newRecordId(),
          type: 'access.refused',
          source: 'directory',
          outcome: 'deny',
          reason: error.code,
          subject: by,
          data: {
            operation,
            ...(digest === undefined ? {} : { file_digest: digest() }),
            ...(change === undefined ? {} : { change_request: change }),
            ...problemCountOf(error),
          },
        });
      throw error;
    },
  };
}

function isRemembered(error: CodedError): boolean {
  return error.category === 'forbidden' || error.category === 'conflict';
}

function problemCountOf({ facts }: CodedError): { readonly [key: string]: Json } {
  const count = facts?.['problem_count'];
  return typeof count === 'number' ? { problem_count: count } : {};
}
