import type { ConsentStore, Mandate } from '@countersign/contracts';
import { type MandateId, parseInstant } from '@countersign/kernel';

/** Mandates are cut from one another at most eight times. */
const longestLine = 9;

/**
 * The mandates that a transaction stands on, from the named one up to the root.
 *
 * @param now milliseconds since the epoch
 * @returns empty when one of them does not stand: a line is as good as its weakest, and nothing is said of authority
 *   that has ended
 */
export async function standingLine(
  named: MandateId,
  now: number,
  consentStore: Pick<ConsentStore, 'find'>,
): Promise<readonly Mandate[]> {
  const line: Mandate[] = [];
  let next: MandateId | undefined = named;
  while (next !== undefined) {
    const mandate: Mandate | undefined = await consentStore.find(next);
    const below = line.at(-1);
    if (mandate === undefined || !stands(mandate, now) || line.length === longestLine) return [];
    // Who cut the one below held this one; since a change of counterparty they may not any more.
    if (below !== undefined && below.grantor.lei !== mandate.grantee.lei) return [];
    line.push(mandate);
    next = mandate.parent?.id;
  }
  return line;
}

function stands({ status, effectiveFrom, effectiveUntil }: Mandate, now: number): boolean {
  const [from, until] = [parseInstant(effectiveFrom), parseInstant(effectiveUntil)];
  return status === 'active' && from !== undefined && until !== undefined && from <= now && now < until;
}
