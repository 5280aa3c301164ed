import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { auditLogErrors, type EvidenceRecord } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type EntrySeals, forgedMark } from '../seals/entry-seals.ts';
import { type IndexedTerm, resetIndex, type TermStore, termStore } from '../store/terms.ts';
import { createLogStore, type IndexedEntry } from '../store.ts';
import { termNumber, termRule, termsOf } from './record-terms.ts';

export interface TermProjection {
  /** Indexes up to `size` if time allows. @returns the indexed size */
  reach(size: bigint, withinMs: number): Promise<bigint>;
  stop(): Promise<void>;
}

const markName = `terms ${termRule}`;
/** Terms shared by the records of one transaction take one row. */
const pageSize = 2_048;
const readAtOnce = 128;
/** While the log is busy, indexing uses a fifth of the time. */
const restPerWork = 4;

/** Of all processes on a database one indexes at a time, page by page, under a lock. */
export function createTermProjection(dependencies: {
  readonly pool: pg.Pool;
  readonly seals: Pick<EntrySeals, 'sealMark' | 'isSealedMark'>;
  /** Stops the whole log: the database was changed directly. */
  readonly condemn: (error: CodedError) => void;
  readonly logger: Logger;
  readonly everyMs?: number | undefined;
}): TermProjection {
  const { pool, seals, condemn, logger, everyMs = 500 } = dependencies;
  const stopping = new AbortController();
  const terms = termStore(pool);
  /** Lower bound of the indexed size, so that older places need no query. */
  let known = 0n;
  /** While callers wait, the indexer does not pause. */
  let wanted = 0;

  function stop(what: string): never {
    const error = forgedMark(what, resetIndex);
    condemn(error);
    throw error;
  }

  async function indexedSize(store: Pick<TermStore, 'indexed'>): Promise<bigint> {
    const { size, seal } = await store.indexed(termRule);
    if (size > 0n && !seals.isSealedMark(markName, size.toString(), seal))
      stop('How far the index of evidence reaches');
    return size;
  }

  /** @returns how many records were indexed; 0 at the end of the log, or while another node indexes */
  async function indexPage(): Promise<number> {
    const indexed = await transaction(pool, async (client) => {
      const store = termStore(client);
      if (!(await store.tryTurn())) return undefined;
      await store.needNotBeDurable();
      const from = await indexedSize(store);
      const page = await createLogStore(client).range(from, pageSize);
      page.forEach(({ index }, offset) => {
        if (index !== from + BigInt(offset))
          throw auditLogErrors.error('log_inconsistent', `The log has no record at ${from + BigInt(offset)}.`);
      });
      if (page.length === 0) return { from, to: from };
      const to = from + BigInt(page.length);
      const seal = seals.sealMark(markName, to.toString());
      const done = await store.addPage(termRule, { from, to, terms: await termsOfPage(page), seal });
      if (done !== undefined && done.differing.length > 0) stop('The index by which evidence is found');
      return done === undefined ? undefined : { from, to };
    });
    if (indexed === undefined) return 0;
    // After the commit, when other connections can see the terms.
    if (indexed.to > known) known = indexed.to;
    return Number(indexed.to - indexed.from);
  }

  async function look(): Promise<void> {
    const indexed = await indexedSize(terms);
    if (indexed > known) known = indexed;
  }

  async function follow(): Promise<void> {
    while (!stopping.signal.aborted) {
      const began = performance.now();
      let indexed = 0;
      try {
        indexed = await indexPage();
      } catch (error) {
        if (!stopping.signal.aborted) logger.warn({ error }, 'records could not be indexed');
      }
      const rest = indexed < pageSize ? everyMs : wanted > 0 ? 0 : (performance.now() - began) * restPerWork;
      await sleep(rest, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  }
  const following = follow();

  return {
    async reach(size, withinMs) {
      const until = performance.now() + withinMs;
      wanted++;
      try {
        if (known < size) await look();
        while (known < size && performance.now() < until) {
          // Another node may be indexing.
          if ((await indexPage()) > 0) continue;
          const before = known;
          await look();
          if (known === before) await sleep(5);
        }
        return known;
      } finally {
        wanted--;
      }
    },
    async stop() {
      stopping.abort();
      await following;
    },
  };
}

async function termsOfPage(page: readonly IndexedEntry[]): Promise<readonly IndexedTerm[]> {
  const indexed = new Map<bigint, { readonly term: bigint; readonly first: bigint; readonly others: number[] }>();
  for (const [place, { index, bytes }] of page.entries()) {
    if (place % readAtOnce === readAtOnce - 1) await setImmediate();
    if (bytes === undefined) continue;
    for (const term of new Set(termsOf(read(bytes)).map(termNumber))) {
      const present = indexed.get(term);
      if (present === undefined) indexed.set(term, { term, first: index, others: [] });
      else present.others.push(Number(index - present.first));
    }
  }
  return [...indexed.values()];
}

/** Terms come from the leaf only, never from restricted values. */
function read(bytes: Buffer): EvidenceRecord {
  // The log wrote these octets; their hash is in its tree.
  return JSON.parse(bytes.toString()) as EvidenceRecord;
}
