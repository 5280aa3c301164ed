import type { StandingRecord } from '@countersign/contracts';
import { parseDigest, parseId } from '@countersign/kernel';
import type { StoredStanding } from './store/standings.ts';

/** The newest record about a thing, from its row. */
export function standingRecord({
  recordId,
  index,
  digest,
}: StoredStanding & { readonly recordId: string }): StandingRecord {
  const record = parseId('record', recordId);
  const recorded = digest === null ? undefined : parseDigest(digest.toString('base64url'));
  if (record === undefined || (digest !== null && recorded === undefined))
    throw new Error('the database holds a standing that the log cannot have written');
  return { record, index, ...(recorded === undefined ? {} : { digest: recorded }) };
}
