import { type DirectorySnapshot, transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';

/**
 * Venues know people and algorithms by numbers (MiFIR, RTS 24). Where a venue wants them, an order of somebody whose
 * number it does not know is not submitted.
 */
export function shortCodeFault(
  { asked, transaction: { detail, initiator } }: Pick<Attempt, 'asked' | 'transaction'>,
  directory: Pick<DirectorySnapshot, 'venue' | 'shortCode'>,
): CodedError | undefined {
  if (detail.type !== 'urn:countersign:rar:v1:trade_order' || asked.event !== 'submit') return undefined;
  const { venue_mic } = detail;
  if (directory.venue(venue_mic)?.shortCodes !== 'required') return undefined;
  return directory.shortCode(venue_mic, initiator) === undefined
    ? transactionErrors.error(
        'short_code_unmapped',
        `${venue_mic} wants short codes, and ${initiator} has none there: have it mapped first.`,
      )
    : undefined;
}
