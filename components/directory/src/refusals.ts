import { type AuditAppender, type RecordDraft, type Requester, recordedRequester } from '@countersign/contracts';
import { type CodedError, type Digest, defined, type Json, type RecordId } from '@countersign/kernel';

export interface Attempt {
  readonly operation:
    | 'directory:apply'
    | 'directory:edit'
    | 'compliance:record'
    | 'reference:record'
    | 'directory:propose'
    | 'directory:approve'
    | 'directory:reject';
  readonly by: Requester;
  readonly digest?: () => Digest;
  readonly change?: string;
}

/** Records a known caller's refused request before the response. */
export interface Refusals {
  draftOf(error: CodedError, attempt: Attempt): RecordDraft | undefined;
  refuse(error: CodedError, attempt: Attempt): Promise<never>;
}

export function createRefusals(dependencies: {
  readonly audit: AuditAppender;
  readonly newRecordId: () => RecordId;
}): Refusals {
  const draftOf: Refusals['draftOf'] = (error, { operation, by, digest, change }) =>
    isRemembered(error)
      ? {
          id: dependencies.newRecordId(),
          type: 'access.refused',
          source: 'directory',
          outcome: 'deny',
          reason: error.code,
          ...recordedRequester(by),
          data: {
            operation,
            ...(digest === undefined ? {} : { file_digest: digest() }),
            ...defined({ change_request: change }),
            ...problemCountOf(error),
          },
        }
      : undefined;
  return {
    draftOf,
    async refuse(error, attempt) {
      const draft = draftOf(error, attempt);
      if (draft !== undefined) await dependencies.audit.append(draft);
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
