import { transactionErrors } from '@countersign/contracts';
import { type CodedError, parseInstant, toInstant } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';

/** How long an address waits after its approval where the installation says nothing, in milliseconds: a day. */
export const usualCoolingOffMs = 86_400_000;

/**
 * An address is not used before its cooling-off is over: time for somebody to notice one that nobody asked for. Its proposer may ask
 * for more than the installation does, and not for less: it runs from the step by which the address was approved.
 */
export function coolingOffFault(
  { asked, transaction: { detail }, past, now }: Pick<Attempt, 'asked' | 'transaction' | 'past' | 'now'>,
  leastMs = usualCoolingOffMs,
): CodedError | undefined {
  if (detail.type !== 'urn:countersign:rar:v1:address_book_change' || asked.event !== 'activate') return undefined;
  const approvedAt = past.findLast(({ event }) => event === 'approve')?.recordedAt;
  const approved = approvedAt === undefined ? undefined : parseInstant(approvedAt);
  const wanted = parseInstant(detail.cooling_off_until);
  if (approved === undefined || wanted === undefined)
    return transactionErrors.error('cooling_off', 'The address has not been approved.');
  const until = Math.max(wanted, approved + leastMs);
  return until <= now
    ? undefined
    : transactionErrors.error('cooling_off', `The address may be used from ${toInstant(until)} on.`);
}
