import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { mandatesNamedIn } from '../mandate-column.ts';
import type { TermProjection } from '../query/term-projection.ts';
import { logEntry } from '../record-json.ts';
import { createLogStore, type IndexedEntry, type LogStore, type Queryable } from '../store.ts';
import type { DueRecord } from './retained-records.ts';

const pageSize = 1_000;
const waitForTermsMs = 5_000;
/** Records that the term index may lag behind before a removal waits for it. */
const maxBehind = 100_000n;
/** Ids kept in memory before the index is read again. */
const maxNamed = 200_000;
/** Records examined while appends wait. */
const maxInTurn = 500n;

/** Ids of records and mandates that the newest records refer to and that the term index lacks. */
export interface NamedSince {
  /** Call before querying the index, so that no record falls between the two. */
  begin(): Promise<void>;
  /** Reads on to the end of the log. @returns the ids, and the place that was reached */
  read(): Promise<{ readonly named: ReadonlySet<string>; readonly upTo: bigint }>;
}

export function createNamedSince(log: LogStore, projection: Pick<TermProjection, 'reach'>): NamedSince {
  let named = new Set<string>();
  let upTo: bigint | undefined;
  return {
    async begin() {
      if (upTo !== undefined && named.size < maxNamed) return;
      const size = await log.size();
      const indexed = await projection.reach(size, waitForTermsMs);
      if (size - indexed > maxBehind)
        throw auditLogErrors.error(
          'query_behind',
          'The search index is behind the log, so references between the newest records are not known yet. Try again shortly.',
        );
      named = new Set();
      upTo = indexed;
    },
    async read() {
      if (upTo === undefined) throw new Error('newer references are read before the indexed ones');
      for (;;) {
        const page = await log.range(upTo, pageSize);
        for (const id of page.flatMap(namedIn)) named.add(id);
        upTo += BigInt(page.length);
        if (page.length < pageSize) return { named, upTo };
      }
    },
  };
}

/** While appends wait. @throws CodedError `query_behind` if the newest records refer to `going`, or are too many */
export async function checkLatest(
  session: Queryable,
  going: readonly DueRecord[],
  { from, until }: { readonly from: bigint; readonly until: bigint },
): Promise<void> {
  if (until - from > maxInTurn) throw late();
  const doomed = new Set<string>(
    going.flatMap(({ recordId, mandate }) => [recordId, ...(mandate === null ? [] : [mandate])]),
  );
  const entries = await createLogStore(session).range(from, Number(until - from));
  if (entries.flatMap(namedIn).some((id) => doomed.has(id))) throw late();
}

function namedIn({ index, bytes }: Pick<IndexedEntry, 'index' | 'bytes'>): readonly string[] {
  if (bytes === undefined) return [];
  const { record } = logEntry({ index, bytes });
  return [...(record.references ?? []), ...mandatesNamedIn(record)];
}

function late(): CodedError {
  return auditLogErrors.error('query_behind', 'Records were appended meanwhile: examine again what may be removed.');
}
