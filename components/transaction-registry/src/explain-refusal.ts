import { CodedError } from '@countersign/kernel';
import type { Attempt } from './attempt.ts';
import { partiesByPart } from './life-cycles/index.ts';

/**
 * Whether an institution may see the reason of a refusal: the initiator, the institution it acts for, and the executing
 * broker. Other parties get the code only, because reasons reveal mandate limits and compliance findings.
 */
export function maySeeReason({ asked, transaction }: Pick<Attempt, 'asked' | 'transaction'>): boolean {
  const { initiatorInstitution, detail } = transaction;
  const brokers = partiesByPart(transaction).get('ExecutingBroker') ?? [];
  return [initiatorInstitution, detail.entity_lei, ...brokers].some((lei) => lei === asked.institution);
}

/** The refusal that the requester may see; the record has the full reason. */
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
