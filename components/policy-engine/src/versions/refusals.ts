import { type AuditAppender, type RecordDraft, type Requester, recordedRequester } from '@countersign/contracts';
import { type Clock, type CodedError, type Digest, newId, type Random } from '@countersign/kernel';

export interface Attempt {
  readonly operation: 'policy:propose' | 'policy:approve' | 'policy:reject' | 'policy:rollback';
  readonly by: Requester;
  readonly changeRequest?: string;
  readonly candidate?: string;
  /** Hash of the bundle. */
  readonly hash?: Digest;
}

/** Makes the record of a refusal to a known principal. */
export type RefusalOf = (error: CodedError, attempt: Attempt) => RecordDraft;
/** Records a refusal, then throws it. */
export type Refuse = (error: CodedError, attempt: Attempt) => Promise<never>;

export function createRefusals(from: {
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}): { readonly refusalOf: RefusalOf; readonly refusals: Refuse } {
  const refusalOf: RefusalOf = (error, { operation, by, changeRequest, candidate, hash }) => ({
    id: newId('record', from),
    type: 'policy.refused',
    source: 'policy-engine',
    outcome: 'deny',
    reason: error.code,
    ...recordedRequester(by),
    data: {
      operation,
      ...(changeRequest === undefined ? {} : { change_request: changeRequest }),
      ...(candidate === undefined ? {} : { candidate }),
      ...(hash === undefined ? {} : { hash }),
    },
  });
  return {
    refusalOf,
    async refusals(error, attempt) {
      await from.audit.append(refusalOf(error, attempt));
      throw error;
    },
  };
}
