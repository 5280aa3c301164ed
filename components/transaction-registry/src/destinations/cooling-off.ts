import { transactionErrors } from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';

/** An address is not used before its cooling-off is over: time for somebody to notice one that nobody asked for. */
export function coolingOffFault({
  asked,
  transaction: { detail },
  now,
}: Pick<Attempt, 'asked' | 'transaction' | 'now'>): CodedError | undefined {
  if (detail.type !== 'urn:countersign:rar:v1:address_book_change' || asked.event !== 'activate') return undefined;
  const until = parseInstant(detail.cooling_off_until);
  return until !== undefined && until <= now
    ? undefined
    : transactionErrors.error('cooling_off', `The address may be used from ${detail.cooling_off_until} on.`);
}
