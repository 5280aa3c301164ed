import { type ExceptionCause, exceptionErrors, transactionErrors } from '@countersign/contracts';
import { CodedError, defined } from '@countersign/kernel';
import { type Attempt, isAwaited, isExecuted } from '../attempt.ts';
import type { MandateStanding } from '../mandate-check.ts';
import { circumstancesOf } from '../step-record.ts';
import type { StoredException } from '../store/store.ts';
import { isToldWhy, toldTo } from '../told-to.ts';
import { type NewException, newException, type Raised } from './raise.ts';

/** Why a step that something has led up to cannot be taken. */
export interface Lapse {
  readonly cause: ExceptionCause;
  readonly reason: string;
  readonly error: (exception?: string) => CodedError;
  readonly raised: Pick<Raised, 'detail' | 'owner' | 'references'>;
}

/** The exception that tells of it already: there is one for each cause and event. */
export function standingException(
  { openExceptions, asked }: Pick<Attempt, 'openExceptions' | 'asked'>,
  { cause }: Pick<Lapse, 'cause'>,
): StoredException | undefined {
  return openExceptions.find((open) => open.cause === cause && open.event === asked.event);
}

/** The exception that a step leaves behind. */
export function exceptionOf(
  attempt: Attempt,
  { cause, reason, raised }: Omit<Lapse, 'error'>,
  from: Parameters<typeof newException>[3],
): NewException {
  const { asked, transaction, now } = attempt;
  const { event, bodyDigest } = asked;
  const circumstances = circumstancesOf(attempt);
  return newException(transaction, { ...raised, cause, reason, event, bodyDigest, circumstances }, now, from);
}

/** The mandate carries the step no further. */
export function mandateLapse(attempt: Attempt, standing: Extract<MandateStanding, { stands: false }>): Lapse {
  const { transaction, asked } = attempt;
  const { reason, detail, atFault } = standing;
  const holder = atFault?.grantee.lei;
  const told = isToldWhy(attempt) || holder === asked.institution ? detail : 'what it rests on does not permit it now.';
  return {
    cause: 'mandate',
    reason,
    error: (exception) =>
      transactionErrors.error('mandate_lapsed', `The mandate does not carry this any further: ${told}`, {
        facts: { reason, ...defined({ exception }) },
      }),
    raised: {
      detail,
      // Whose authority is at fault has to see to it, where it takes part; else who began.
      owner: holder !== undefined && transaction.parties.includes(holder) ? holder : transaction.initiatorInstitution,
      references: [atFault?.recordId],
    },
  };
}

/** The policies, or approvals that stood before, carry the step no further. */
export function authorityLapse(attempt: Attempt, cause: 'entitlement' | 'approval', fault: CodedError): Lapse {
  const { transaction } = attempt;
  return {
    cause,
    reason: fault.code,
    error: (exception) => withException(toldTo(attempt, fault), exception),
    raised: { detail: fault.detail, owner: transaction.initiatorInstitution },
  };
}

/** A partner says otherwise than we do. */
export function mismatchLapse({ transaction }: Attempt, fault: CodedError): Lapse {
  return {
    cause: 'mismatch',
    reason: fault.code,
    error: (exception) => withException(fault, exception),
    raised: { detail: fault.detail, owner: transaction.initiatorInstitution },
  };
}

function withException({ code, category, detail, facts }: CodedError, exception: string | undefined): CodedError {
  return new CodedError({
    code,
    category,
    detail,
    facts: { ...facts, ...defined({ exception }) },
  });
}

/**
 * While an exception stands open nothing goes on but cancelling, as long as nothing has been executed, and the partner
 * that was waited for being heard of after all.
 *
 * @returns CodedError `exception_open` of the exceptions' vocabulary, which names the `exception`
 */
export function openExceptionFault(attempt: Attempt): CodedError | undefined {
  const { asked, openExceptions, transaction } = attempt;
  if (asked.event === 'cancel' && !isExecuted(transaction)) return undefined;
  const blocking = openExceptions.find((exception) => !isWaitingFor(exception, attempt));
  return blocking === undefined
    ? undefined
    : exceptionErrors.error(
        'exception_open',
        `An exception stands open${isToldWhy(attempt) ? `: ${blocking.detail}` : '.'} Somebody of ${blocking.owner} has to deal with it first.`,
        { facts: { exception: blocking.id, cause: blocking.cause, reason: blocking.reason } },
      );
}

function isWaitingFor({ cause, raisedVersion }: StoredException, { asked, transaction }: Attempt): boolean {
  return cause === 'partner-timeout' && raisedVersion === transaction.version && isAwaited(transaction, asked.event);
}
