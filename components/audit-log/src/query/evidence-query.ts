import { auditLogErrors, type EvidenceQuery, type LogEntry } from '@countersign/contracts';
import type { SealedReader } from '../seals/sealed-reader.ts';
import type { Criterion, TermStore } from '../store/terms.ts';
import type { LogStore } from '../store.ts';
import { matches, restsOnTerm, termNumber, termsAskedBy } from './record-terms.ts';
import type { TermProjection } from './term-projection.ts';

const maxResults = 1_000;
const pageSize = 1_024;
/** More than a million places, and a few seconds. */
const maxPages = 1_024;
/** How long a query waits for the index; unindexed records are then read from the log. */
const waitForTermsMs = 2_000;
/** Unindexed records read for one answer. */
const maxTail = 50_000n;
const tailPage = 1_000;

export type EvidenceQueries = (query: EvidenceQuery) => Promise<readonly LogEntry[]>;

/** The rarest criterion drives the search. Matches are verified by the record, so indexes need not be trusted. */
export function createEvidenceQuery(dependencies: {
  readonly store: LogStore;
  readonly terms: TermStore;
  readonly projection: TermProjection;
  readonly reader: SealedReader;
  readonly placeOfTime: (time: number) => Promise<bigint>;
}): EvidenceQueries {
  const { store, terms, projection, reader, placeOfTime } = dependencies;
  return async (query) => {
    const limit = Math.min(query.limit ?? maxResults, maxResults);
    const size = await store.size();
    const after = greater(query.after ?? -1n, query.from === undefined ? -1n : (await placeOfTime(query.from)) - 1n);
    const before = query.until === undefined ? size : smaller(size, await placeOfTime(query.until));
    if (query.types?.length === 0 || limit === 0 || after + 1n >= before) return [];
    const criteria = criteriaOf(query);
    const indexed = criteria.some(({ by }) => by === 'term' || by === 'record')
      ? await projection.reach(before, waitForTermsMs)
      : before;
    const found = await fromIndexes(query, criteria, { after, before: smaller(before, indexed), limit });
    if (found.length === limit || indexed >= before) return found;
    const tail = await fromTail(query, { first: greater(indexed, after + 1n), before, limit: limit - found.length });
    return [...found, ...tail];
  };

  async function fromIndexes(
    query: EvidenceQuery,
    criteria: readonly Criterion[],
    { after, before, limit }: { readonly after: bigint; readonly before: bigint; readonly limit: number },
  ): Promise<readonly LogEntry[]> {
    const found: LogEntry[] = [];
    let behind = after;
    for (let page = 0; behind + 1n < before; page++) {
      if (page === maxPages)
        throw auditLogErrors.error(
          'query_too_wide',
          'So many records have some of what is asked, and so few all of it, that the answer would take too long. Name a time, or what is rarer.',
        );
      // With a single criterion, `limit` places suffice.
      const places = await terms.places(criteria, {
        after: behind,
        before,
        limit: criteria.length === 1 && page === 0 ? limit : pageSize,
      });
      const driver = thinnest(places);
      const candidates = places[driver] ?? [];
      const last = candidates.at(-1);
      if (last === undefined || places.some((list) => list.length === 0)) return found;
      let left: readonly bigint[] = candidates;
      for (const [number, criterion] of criteria.entries())
        if (number !== driver && left.length > 0) left = await terms.among(criterion, left);
      for (let start = 0; start < left.length && found.length < limit; start += limit) {
        const entries = await terms.at(left.slice(start, start + limit));
        for (const entry of entries.map(reader.read))
          if (found.length < limit && matches(query, entry.record)) found.push(entry);
      }
      if (found.length === limit) return found;
      behind = last;
    }
    return found;
  }

  async function fromTail(
    query: EvidenceQuery,
    { first, before, limit }: { readonly first: bigint; readonly before: bigint; readonly limit: number },
  ): Promise<readonly LogEntry[]> {
    if (before - first > maxTail)
      throw auditLogErrors.error(
        'query_behind',
        `The index by which evidence is found is ${before - first} records behind the log. Ask again shortly, or about an earlier time.`,
      );
    const found: LogEntry[] = [];
    for (let at = first; at < before && found.length < limit; at += BigInt(tailPage)) {
      const width = Number(smaller(before - at, BigInt(tailPage)));
      for (const { bytes, ...stored } of await store.range(at, width)) {
        if (bytes === undefined || stored.index >= before) continue;
        const entry = reader.read({ ...stored, bytes });
        if (found.length < limit && matches(query, entry.record)) found.push(entry);
      }
    }
    return found;
  }
}

/** The shortest list, or else the one that reaches furthest. */
function thinnest(lists: readonly (readonly bigint[])[]): number {
  let best = 0;
  lists.forEach((list, number) => {
    const present = lists[best] ?? [];
    const ends = list.length < pageSize;
    const bestEnds = present.length < pageSize;
    if (ends !== bestEnds ? ends : ends ? list.length < present.length : (list.at(-1) ?? 0n) > (present.at(-1) ?? 0n))
      best = number;
  });
  return best;
}

function criteriaOf(query: EvidenceQuery): readonly Criterion[] {
  const { transaction, decision, types } = query;
  const criteria: readonly Criterion[] = [
    ...(transaction === undefined ? [] : [{ by: 'transaction', transaction } as const]),
    ...termsAskedBy(query).map((term) => ({ by: 'term', term: termNumber(term) }) as const),
    ...(decision === undefined
      ? []
      : [{ by: 'record', record: decision, term: termNumber(restsOnTerm(decision)) } as const]),
    ...(types === undefined ? [] : [{ by: 'types', types } as const]),
  ];
  return criteria.length === 0 ? [{ by: 'place' }] : criteria;
}

const greater = (one: bigint, other: bigint): bigint => (one > other ? one : other);
const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other);
