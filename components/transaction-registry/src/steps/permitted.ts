import { transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import { beginsSomething } from '../life-cycles/life-cycle.ts';

/**
 * Whether anybody may act on the intent yet: whoever began it was permitted a token for it, and it was for an interface of whoever
 * takes the first step, unless that is their own institution. An intent whose token was refused, or that was never sent to
 * a party, is nobody's to carry out; it can be cancelled.
 */
export function permittedFault({ asked, rule, transaction, known }: Attempt): CodedError | undefined {
  const { state, initiatorInstitution } = transaction;
  if (state !== 'intended' || !beginsSomething(rule, stateRuleOf(lifeCycleOf(transaction.detail), state)))
    return undefined;
  const { permitted } = known;
  if (permitted === undefined)
    return notPermitted(
      'intent_not_permitted',
      'No token was permitted for this intent: whoever began it has to ask for one, with the sign-in and the approvals that it needs.',
    );
  if (asked.institution === initiatorInstitution || permitted.reached.includes(asked.institution)) return undefined;
  return notPermitted(
    'intent_not_sent',
    `Whoever began this transaction was permitted no token for an interface of ${asked.institution}: they send the intent with one first.`,
  );
}

function notPermitted(code: string, detail: string): CodedError {
  return transactionErrors.error('transition_not_permitted', detail, { facts: { reasons: [{ code, detail }] } });
}
