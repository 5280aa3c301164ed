import type { RecordDraft, StandingRecord } from '@countersign/contracts';

/** How things stand by the newest of these records, in the order of the log: what a double of the log answers. */
export function standingsIn(
  records: readonly Pick<RecordDraft, 'id' | 'standing'>[],
  things: readonly string[],
): ReadonlyMap<string, StandingRecord> {
  const wanted = new Set(things);
  const newest = new Map<string, StandingRecord>();
  for (const [index, { id, standing = [] }] of records.entries())
    for (const { of, digest } of standing)
      if (wanted.has(of))
        newest.set(of, { record: id, index: BigInt(index), ...(digest === undefined ? {} : { digest }) });
  return newest;
}
