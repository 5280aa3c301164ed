import { transactionErrors } from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import { partiesByPart } from '../life-cycles/index.ts';

/** Checks order, party and time of a step. @returns the first fault */
export function placeFault(attempt: Attempt): CodedError | undefined {
  return orderFault(attempt) ?? partyFault(attempt) ?? timeFault(attempt) ?? lateFault(attempt);
}

function orderFault({ asked, rule, transaction }: Attempt): CodedError | undefined {
  return rule.from.includes(transaction.state)
    ? undefined
    : transactionErrors.error(
        'transition_out_of_order',
        `The transaction is ${transaction.state}; ${asked.event} follows ${rule.from.join(' or ')}.`,
        { facts: { state: transaction.state } },
      );
}

function partyFault({ asked, rule, transaction }: Attempt): CodedError | undefined {
  const parties = partiesByPart(transaction);
  if (rule.actors.some((actor) => parties.get(actor)?.some((lei) => lei === asked.institution) === true))
    return undefined;
  const detail = `Only the ${rule.actors.join(' or ')} of the intent can report ${asked.event}.`;
  return transactionErrors.error('transition_not_permitted', detail, {
    facts: { reasons: [{ code: 'party_role', detail }] },
  });
}

function timeFault({ rule, transaction, now }: Attempt): CodedError | undefined {
  if (rule.inTime !== true || (parseInstant(transaction.detail.not_after) ?? 0) > now) return undefined;
  return transactionErrors.error('intent_expired', `The intent was good until ${transaction.detail.not_after}.`);
}

function lateFault({ asked, rule, late }: Attempt): CodedError | undefined {
  return late && rule.late === 'refuse'
    ? transactionErrors.error('event_late', `${asked.event} came after the time until which it was waited for.`)
    : undefined;
}
