import {
  type AuditAppender,
  accessErrors,
  type Caller,
  policyErrors,
  type RecordDraft,
  type Requester,
  recordedRequester,
  requesterOf,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type Digest,
  defined,
  newId,
  type Random,
  visibleLine,
} from '@countersign/kernel';

/** Printable and short, because it appears in records and on terminals. */
const changeRequestPattern = /^[\x21-\x7e]{1,128}$/;

export function readAbout({ changeRequest, reason }: { readonly changeRequest: string; readonly reason: string }): {
  readonly changeRequest: string;
  readonly reason: string;
} {
  if (!changeRequestPattern.test(changeRequest))
    throw policyErrors.error(
      'policy_invalid',
      'The change request must have 1 to 128 printable characters without spaces.',
    );
  return { changeRequest, reason: readReason(reason) };
}

/** @throws CodedError `policy_invalid` */
export function readReason(text: string): string {
  const reason = visibleLine(text, 400);
  if (reason === undefined)
    throw policyErrors.error('policy_invalid', 'The reason must be one line of 1 to 400 characters.');
  return reason;
}

export interface Attempt {
  readonly operation: 'policy:propose' | 'policy:approve' | 'policy:reject' | 'policy:rollback';
  readonly by: Requester;
  readonly changeRequest?: string;
  readonly candidate?: string;
  readonly hash?: Digest;
}

export type RefusalOf = (error: CodedError, attempt: Attempt) => RecordDraft;
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
      ...defined({ change_request: changeRequest, candidate, hash }),
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

/**
 * The requester of a step: a service itself, or a person with one client. Any further actor could both propose for one person and
 * approve for another.
 * @throws CodedError `insufficient_scope` if somebody else acts for the subject
 */
export function requireUndelegated(caller: Caller): Requester {
  if (caller.actors.length > (caller.subject.startsWith('person:') ? 1 : 0))
    throw accessErrors.error(
      'insufficient_scope',
      'Policies must be changed by the responsible person directly, but this token is for somebody acting for another.',
    );
  return requesterOf(caller);
}
