import { transactionErrors } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import type { Attempt } from './attempt.ts';
import { partiesByPart } from './life-cycles/index.ts';

/**
 * Only the initiator, the institution it acts for and the executing broker: reasons reveal mandate limits and
 * findings.
 */
export function maySeeReason({ asked, transaction }: Pick<Attempt, 'asked' | 'transaction'>): boolean {
  const { initiatorInstitution, detail } = transaction;
  const brokers = partiesByPart(transaction).get('ExecutingBroker') ?? [];
  return [initiatorInstitution, detail.entity_lei, ...brokers].some((lei) => lei === asked.institution);
}

export function explainRefusal(attempt: Pick<Attempt, 'asked' | 'transaction'>, fault: CodedError): CodedError {
  if (maySeeReason(attempt)) return fault;
  const { code, category } = fault;
  return new CodedError({
    code,
    category,
    detail:
      'The initiator is not authorised to continue this transaction now. The reason is available to the initiator.',
  });
}

export function notVisible() {
  return transactionErrors.error(
    'transaction_not_found',
    'The transaction does not exist, or you have no access to it.',
  );
}
