import {
  auditLogErrors,
  type RecordDraft,
  type RecordReceipt,
  type RetentionClass,
  recordTypes,
  retentionClassOf,
} from '@countersign/contracts';
import { type Clock, type CodedError, isCodedError, parseId, toInstant } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import {
  createGroupCommit,
  databaseErrors,
  isDatabaseUnavailable,
  type Logger,
  transaction,
} from '@countersign/runtime';
import type pg from 'pg';
import { available, logUnavailable } from './availability.ts';
import { mandateOf } from './mandate-column.ts';
import type { Protection, SealedDraft } from './protection/protection.ts';
import { recordBytes, recordRest, timeOf } from './record-json.ts';
import { isSameDraft } from './same-draft.ts';
import { createLogStore, type LogStore } from './store.ts';
import type { Stream } from './streams/stream.ts';
import { createTreeReader, type LogHead } from './tree-reader.ts';

/** Gives records their place, one batch at a time, and knows where the log stands. */
export interface Sequencer {
  /** @throws CodedError `log_unavailable`, `record_too_large`, `record_identity_taken`, and what `mayAppend` gives */
  append(draft: RecordDraft): Promise<RecordReceipt>;
  /**
   * Appends a record together with what it says: both are durable, or neither is. Meanwhile nobody else appends, so the work
   * is short, and sees everything that is before its record.
   *
   * @throws CodedError as {@link append}, and what the work throws
   */
  appendWith(draft: RecordDraft, work: WorkWithRecord): Promise<RecordReceipt>;
  /** Where this sequencer left the log; another one may have carried on. Undefined after a failure, until the next append. */
  head(): LogHead | undefined;
  /**
   * Takes no more records, waits for those under way, and writes a last one.
   *
   * @param last made when all others have come to their end
   */
  close(last: () => RecordDraft): Promise<void>;
}

/** Runs in the transaction that places the record, which is there already, at this place. */
export type WorkWithRecord = (session: pg.PoolClient, index: bigint) => Promise<void>;

interface Pending {
  readonly work: WorkWithRecord | undefined;
  readonly draft: RecordDraft;
  readonly sealed: SealedDraft;
  readonly class: RetentionClass;
  readonly mandate: string | undefined;
  readonly number: number;
  /** The record but for its head. */
  readonly rest: string;
}

type Outcome =
  | { readonly ok: true; readonly receipt: RecordReceipt }
  | { readonly ok: false; readonly error: CodedError };

const maxBatch = 512;
const maxQueued = 10_000;
/** The first attempt goes by memory; each later one takes its turn and reads the log's state first. */
const maxAttempts = 3;

/**
 * The sequencer of one process. Any number of them may share a database: a batch is inserted at the places that
 * the sequencer believes to be next, and when another was faster the primary key refuses the whole batch. It then
 * waits for its turn, during which nobody else appends, reads where the log stands, and inserts there.
 *
 * When a connection is lost nobody knows whether the batch was committed. The same turn settles it: it begins when
 * the lost statement has ended, one way or the other, and starts by looking for the ids of the records. Should the
 * statement arrive even later, it finds its places taken.
 *
 * Records are numbered in the order in which they are accepted, and that is the order in which they are placed.
 */
export function createSequencer({
  pool,
  clock,
  logger,
  start,
  stream,
  protection,
  mayAppend,
  checkFit = () => undefined,
}: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly start: LogHead;
  readonly stream: Stream;
  readonly protection: Protection;
  /** Why nothing may be appended now. What the log records of itself is appended all the same. */
  readonly mayAppend: () => CodedError | undefined;
  /** Holds a record against the schema of its type. */
  readonly checkFit?: (draft: RecordDraft) => void;
}): Sequencer {
  const store = createLogStore(pool);
  let head: LogHead | undefined = start;
  let closing: Promise<void> | undefined;
  /** Accepted, and not yet at their end. */
  let underWay = 0;
  const atRest: (() => void)[] = [];

  const batches = createGroupCommit<Pending, Outcome>({
    maxBatch,
    maxQueued,
    async flush(batch) {
      const outcomes = new Map<string, Outcome>();
      const firsts = new Map<string, Pending>();
      /** Records that are in the log under the numbers they have here. */
      const placed = new Set<Pending>();
      for (const pending of batch) if (!firsts.has(pending.draft.id)) firsts.set(pending.draft.id, pending);
      try {
        for (const run of runsOf([...firsts.values()])) await sequenceRun(run, outcomes, placed);
        return batch.map((pending) => {
          const outcome = outcomes.get(pending.draft.id);
          const first = firsts.get(pending.draft.id);
          if (outcome === undefined || first === undefined)
            throw new Error('a record of the batch was left without an outcome');
          // Two drafts under one id in one batch: the second stands only if it says the same.
          return saysTheSame(first, pending) ? outcome : { ok: false, error: identityTaken(pending.draft) };
        });
      } finally {
        for (const pending of batch) stream.settle(pending.number, placed.has(pending));
        underWay -= batch.length;
        if (underWay === 0) for (const rested of atRest.splice(0)) rested();
      }
    },
  });

  async function sequenceRun(
    run: readonly Pending[],
    outcomes: Map<string, Outcome>,
    placed: Set<Pending>,
  ): Promise<void> {
    const [first] = run;
    if (first?.work === undefined) return sequence(run, outcomes, placed);
    try {
      head = await placeInTurn(run, outcomes, placed);
    } catch (error) {
      // It alone comes to nothing: what was accepted with it is none of its business.
      head = undefined;
      outcomes.set(first.draft.id, { ok: false, error: isCodedError(error) ? error : logUnavailable(error) });
    }
  }

  async function sequence(
    waiting: readonly Pending[],
    outcomes: Map<string, Outcome>,
    placed: Set<Pending>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        head =
          head === undefined
            ? await placeInTurn(waiting, outcomes, placed)
            : await placeAt(store, head, waiting, outcomes, placed);
        return;
      } catch (error) {
        head = undefined;
        const another = isPlaceTaken(error) || isDatabaseUnavailable(error);
        if (!another || attempt === maxAttempts) {
          logger.error({ error, records: waiting.length }, 'records could not be appended');
          throw error;
        }
      }
    }
  }

  /** Inserts at the given head. Outcomes are written only once the rows are there. */
  async function placeAt(
    at: LogStore,
    from: LogHead,
    waiting: readonly Pending[],
    outcomes: Map<string, Outcome>,
    placed: Set<Pending>,
  ): Promise<LogHead> {
    const lastTime = Math.max(clock.now(), from.lastTime);
    const time = toInstant(lastTime);
    const entries = waiting.map(({ draft, sealed, mandate, rest, class: shard }) => {
      const bytes = recordBytes(rest, time);
      return {
        recordId: draft.id,
        type: draft.type,
        class: shard,
        transaction: draft.transaction,
        mandate,
        bytes,
        leafHash: hashLeaf(bytes),
        sealed: sealed.values,
      };
    });
    const { edge, tiles } = from.edge.append(entries.map(({ leafHash }) => leafHash));
    await at.insert({ first: from.edge.size, recordedAt: lastTime, entries, tiles });
    waiting.forEach((pending, offset) => {
      const { id } = pending.draft;
      outcomes.set(id, { ok: true, receipt: { id, index: from.edge.size + BigInt(offset), time } });
      placed.add(pending);
    });
    return { edge, lastTime };
  }

  async function placeInTurn(
    waiting: readonly Pending[],
    outcomes: Map<string, Outcome>,
    placed: Set<Pending>,
  ): Promise<LogHead> {
    const settled = new Map<string, Outcome>();
    const there = new Set<Pending>();
    const now = await transaction(pool, async (client) => {
      const alone = createLogStore(client);
      await alone.takeTurn();
      await settleKnown(alone, waiting, settled, there);
      const from = await createTreeReader(alone).readHead();
      const rest = waiting.filter(({ draft }) => !settled.has(draft.id));
      if (rest.length === 0) return from;
      const at = await placeAt(alone, from, rest, settled, there);
      for (const [offset, { work }] of rest.entries()) await work?.(client, from.edge.size + BigInt(offset));
      return at;
    });
    // Only now: the commit, too, could have failed.
    for (const [id, outcome] of settled) outcomes.set(id, outcome);
    for (const pending of there) placed.add(pending);
    return now;
  }

  /** Records that are in the log already: appended twice, or by an attempt whose end was not heard. */
  async function settleKnown(
    alone: LogStore,
    waiting: readonly Pending[],
    outcomes: Map<string, Outcome>,
    there: Set<Pending>,
  ): Promise<void> {
    const known = await alone.known(waiting.map(({ draft }) => draft.id));
    const byId = new Map(known.map((entry) => [entry.recordId, entry]));
    for (const pending of waiting) {
      const { draft, rest, sealed } = pending;
      const entry = byId.get(draft.id);
      if (entry === undefined) continue;
      const time = entry.bytes === undefined ? undefined : timeOf(entry.bytes);
      const own = entry.bytes !== undefined && time !== undefined && recordBytes(rest, time).equals(entry.bytes);
      if (own) there.add(pending);
      const same =
        entry.bytes !== undefined && (own || (await isSameDraft({ draft, sealed, written: entry.bytes, protection })));
      outcomes.set(
        draft.id,
        same && time !== undefined
          ? { ok: true, receipt: { id: draft.id, index: entry.index, time } }
          : { ok: false, error: identityTaken(draft) },
      );
    }
  }

  /** Gives the draft its number and its place in the queue, in one go: nothing else is accepted in between. */
  function accept(
    draft: RecordDraft,
    {
      sealed,
      shard,
      work,
    }: { readonly sealed: SealedDraft; readonly shard: RetentionClass; readonly work?: WorkWithRecord | undefined },
  ): Promise<Outcome> {
    if (closing !== undefined && !isOwn(draft))
      throw databaseErrors.error('shutting_down', 'The server is shutting down. Try again.');
    const origin = stream.next();
    const rest = recordRest(origin, sealed.json, sealed.commitments);
    // What the queue would refuse has no number.
    if (batches.queued >= maxQueued)
      throw databaseErrors.error('overloaded', 'More records arrive than can be made durable. Try again shortly.');
    stream.accept();
    underWay++;
    return batches.submit({
      draft,
      sealed,
      class: shard,
      mandate: mandateOf(draft),
      number: origin.number,
      rest,
      work,
    });
  }

  async function appendChecked(draft: RecordDraft, work?: WorkWithRecord): Promise<RecordReceipt> {
    const shard = retentionClassOf(draft.type);
    const sealing = protection.seal(draft, shard);
    const sealed = sealing instanceof Promise ? await available(() => sealing) : sealing;
    const outcome = await available(async () => accept(draft, { sealed, shard, work }));
    if (!outcome.ok) throw outcome.error;
    return outcome.receipt;
  }

  async function end(last: () => RecordDraft): Promise<void> {
    while (underWay > 0) await new Promise<void>((resolve) => atRest.push(resolve));
    try {
      await appendChecked(last());
    } finally {
      await batches.drain();
    }
  }

  async function append(draft: RecordDraft, work?: WorkWithRecord): Promise<RecordReceipt> {
    checkMembers(draft);
    checkFit(draft);
    const refusal = isOwn(draft) ? undefined : mayAppend();
    if (refusal !== undefined) throw refusal;
    return appendChecked(draft, work);
  }

  return {
    append: (draft) => append(draft),
    appendWith: (draft, work) => append(draft, work),
    head: () => head,
    close(last) {
      closing ??= end(last);
      return closing;
    },
  };
}

/** Records in their order: those with work of their own one by one, the others together. */
function runsOf(waiting: readonly Pending[]): readonly (readonly Pending[])[] {
  if (waiting.every(({ work }) => work === undefined)) return [waiting];
  const runs: Pending[][] = [];
  let open: Pending[] | undefined;
  for (const pending of waiting) {
    if (open === undefined || pending.work !== undefined) {
      open = [];
      runs.push(open);
    }
    open.push(pending);
    if (pending.work !== undefined) open = undefined;
  }
  return runs;
}

/** What the log says of itself: it must come through when nothing else may. */
function isOwn({ type, source }: RecordDraft): boolean {
  return source === 'audit-log' && /^(?:log|source|clock)\./.test(type);
}

function saysTheSame(one: Pending, other: Pending): boolean {
  return one === other || (one.sealed.json === other.sealed.json && one.sealed.told === other.sealed.told);
}

function identityTaken(draft: RecordDraft): CodedError {
  return auditLogErrors.error('record_identity_taken', `The log holds another record under the id ${draft.id}.`);
}

/** A place or a record id that is there already: the answer of the primary key or of the unique ids. */
function isPlaceTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

const knownTypes: ReadonlySet<string> = new Set(recordTypes);

/** These go into columns side by side; a component that puts something else there has a bug. */
function checkMembers({ id, type, transaction, dataText }: RecordDraft): void {
  if (
    parseId('record', id) === undefined ||
    !knownTypes.has(type) ||
    (transaction !== undefined && parseId('transaction', transaction) === undefined)
  )
    throw new Error(`a draft of type ${type} does not have the id, type or transaction of a record`);
  // The column of the mandate is read from them.
  if (dataText !== undefined && type.startsWith('mandate.'))
    throw new Error('the data of a record about a mandate are given as JSON');
}
