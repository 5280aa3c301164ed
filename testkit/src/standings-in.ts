import type { LastStandingReader, RecordDraft, StandingLister, StandingRecord } from '@countersign/contracts';
import { defined } from '@countersign/kernel';

/** The newest standing of each thing in these records, in log order. For doubles of the log. */
export function standingsIn(
  records: readonly Pick<RecordDraft, 'id' | 'standing'>[],
  things: readonly string[],
): ReadonlyMap<string, StandingRecord> {
  const wanted = new Set(things);
  const newest = new Map<string, StandingRecord>();
  for (const [index, { id, standing = [] }] of records.entries())
    for (const { of, digest } of standing)
      if (wanted.has(of)) newest.set(of, { record: id, index: BigInt(index), ...defined({ digest }) });
  return newest;
}

/** Things in force whose names start with a prefix. For doubles of the log. */
export function standingsUnderIn(
  records: readonly Pick<RecordDraft, 'id' | 'standing'>[],
  prefix: string,
  { after = prefix, limit }: Parameters<StandingLister['standingsUnder']>[1],
): Awaited<ReturnType<StandingLister['standingsUnder']>> {
  const names = new Set(records.flatMap(({ standing = [] }) => standing.map(({ of }) => of)));
  const page = [...names]
    .filter((of) => of.startsWith(prefix) && of > after)
    .sort()
    .slice(0, limit);
  const newest = standingsIn(records, page);
  const last = page.at(-1);
  return {
    things: page.flatMap((of) => {
      const found = newest.get(of);
      return found?.digest === undefined ? [] : [{ of, ...found }];
    }),
    ...(last === undefined || page.length < limit ? {} : { next: last }),
  };
}

/** The last thing under each prefix by name. For doubles of the log. */
export function lastUnderIn(
  records: readonly Pick<RecordDraft, 'id' | 'standing'>[],
  prefixes: readonly string[],
): Awaited<ReturnType<LastStandingReader['lastUnder']>> {
  const names = [...new Set(records.flatMap(({ standing = [] }) => standing.map(({ of }) => of)))].sort();
  return new Map(
    prefixes.flatMap((prefix) => {
      const of = names.findLast((name) => name.startsWith(prefix) && name > prefix);
      const newest = of === undefined ? undefined : standingsIn(records, [of]).get(of);
      return of === undefined || newest === undefined ? [] : [[prefix, { of, ...newest }] as const];
    }),
  );
}
