import { type ExceptionCause, exceptionErrors, transactionErrors } from '@countersign/contracts';
import { CodedError, defined } from '@countersign/kernel';
import { type Attempt, isAwaited, isExecuted } from '../attempt.ts';
import { explainRefusal, maySeeReason } from '../explain-refusal.ts';
import type { MandateStanding } from '../mandate-check.ts';
import { circumstancesOf } from '../step-record.ts';
import type { StoredException } from '../store/store.ts';
import { type NewException, newException, type Raised } from './raise.ts';

export interface Lapse {
  readonly cause: ExceptionCause;
  readonly reason: string;
  readonly error: (exception?: string) => CodedError;
  readonly raised: Pick<Raised, 'detail' | 'owner' | 'references'>;
}

export function standingException(
  { openExceptions, asked }: Pick<Attempt, 'openExceptions' | 'asked'>,
  { cause }: Pick<Lapse, 'cause'>,
): StoredException | undefined {
  return openExceptions.find((open) => open.cause === cause && open.event === asked.event);
}

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

export function mandateLapse(attempt: Attempt, standing: Extract<MandateStanding, { valid: false }>): Lapse {
  const { transaction, asked } = attempt;
  const { reason, detail, atFault } = standing;
  const holder = atFault?.grantee.lei;
  const told =
    maySeeReason(attempt) || holder === asked.institution
      ? detail
      : 'a mandate of the transaction does not permit it now.';
  return {
    cause: 'mandate',
    reason,
    error: (exception) =>
      transactionErrors.error('mandate_lapsed', `The mandate no longer permits this step: ${told}`, {
        facts: { reason, ...defined({ exception }) },
      }),
    raised: {
      detail,
      // The holder of the failing mandate must resolve it if it is a party; otherwise the initiator.
      owner: holder !== undefined && transaction.parties.includes(holder) ? holder : transaction.initiatorInstitution,
      references: [atFault?.recordId],
    },
  };
}

export function authorityLapse(attempt: Attempt, cause: 'entitlement' | 'approval', fault: CodedError): Lapse {
  const { transaction } = attempt;
  return {
    cause,
    reason: fault.code,
    error: (exception) => withException(explainRefusal(attempt, fault), exception),
    raised: { detail: fault.detail, owner: transaction.initiatorInstitution },
  };
}

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

/** An open exception blocks every step except cancelling before execution, and the awaited report of a partner. */
export function openExceptionFault(attempt: Attempt): CodedError | undefined {
  const { asked, openExceptions, transaction } = attempt;
  if (asked.event === 'cancel' && !isExecuted(transaction)) return undefined;
  const blocking = openExceptions.find((exception) => !isWaitingFor(exception, attempt));
  return blocking === undefined
    ? undefined
    : exceptionErrors.error(
        'exception_open',
        `An exception is open${maySeeReason(attempt) ? `: ${blocking.detail}` : '.'} A person at ${blocking.owner} must resolve it first.`,
        { facts: { exception: blocking.id, cause: blocking.cause, reason: blocking.reason } },
      );
}

function isWaitingFor({ cause, raisedVersion }: StoredException, { asked, transaction }: Attempt): boolean {
  return cause === 'partner-timeout' && raisedVersion === transaction.version && isAwaited(transaction, asked.event);
}
