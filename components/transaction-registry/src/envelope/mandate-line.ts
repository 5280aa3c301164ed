import type { ConsentStore, Mandate } from '@countersign/contracts';
import { type MandateId, parseInstant } from '@countersign/kernel';

/** A root mandate and at most eight levels of sub-mandates. */
const longestLine = 9;

/** From the named mandate up to the root; empty if one of them is not valid. */
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
    // The grantor of the sub-mandate must still hold this mandate after a change of counterparty.
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
