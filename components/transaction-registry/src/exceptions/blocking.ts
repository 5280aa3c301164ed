import { exceptionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type Attempt, isAwaited, isExecuted } from '../attempt.ts';
import type { StoredException } from '../store.ts';
import { isToldWhy } from '../told-to.ts';

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
