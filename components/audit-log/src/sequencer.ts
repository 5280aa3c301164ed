import { auditLogErrors, type RecordDraft, type RecordReceipt, recordTypes } from '@countersign/contracts';
import { type Clock, type CodedError, parseId, toInstant } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import { createGroupCommit, isDatabaseUnavailable, type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { available } from './availability.ts';
import { mandateOf } from './mandate-column.ts';
import { draftJson, recordBytes, timeOf } from './record-json.ts';
import { createLogStore, type LogStore } from './store.ts';
import { createTreeReader, type LogHead } from './tree-reader.ts';

/** Gives records their place, one batch at a time, and knows where the log stands. */
export interface Sequencer {
  /** @throws CodedError `log_unavailable`, `record_too_large`, `record_identity_taken` */
  append(draft: RecordDraft): Promise<RecordReceipt>;
  /** Where this sequencer left the log; another one may have carried on. Undefined after a failure, until the next append. */
  head(): LogHead | undefined;
  drain(): Promise<void>;
}

interface Pending {
  readonly draft: RecordDraft;
  readonly json: string;
  readonly mandate: string | undefined;
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
 */
export function createSequencer({
  pool,
  clock,
  logger,
  start,
}: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly start: LogHead;
}): Sequencer {
  const store = createLogStore(pool);
  let head: LogHead | undefined = start;

  const batches = createGroupCommit<Pending, Outcome>({
    maxBatch,
    maxQueued,
    async flush(batch) {
      const outcomes = new Map<string, Outcome>();
      const firsts = new Map<string, Pending>();
      for (const pending of batch) if (!firsts.has(pending.draft.id)) firsts.set(pending.draft.id, pending);
      await sequence([...firsts.values()], outcomes);
      return batch.map((pending) => {
        const outcome = outcomes.get(pending.draft.id);
        if (outcome === undefined) throw new Error('a record of the batch was left without an outcome');
        // Two drafts under one id in one batch: the second stands only if it says the same.
        return firsts.get(pending.draft.id)?.json === pending.json
          ? outcome
          : { ok: false, error: identityTaken(pending.draft) };
      });
    },
  });

  async function sequence(waiting: readonly Pending[], outcomes: Map<string, Outcome>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const placed =
          head === undefined ? await placeInTurn(waiting, outcomes) : await placeAt(store, head, waiting, outcomes);
        head = placed;
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
  ): Promise<LogHead> {
    const lastTime = Math.max(clock.now(), from.lastTime);
    const time = toInstant(lastTime);
    const entries = waiting.map(({ draft, json, mandate }) => {
      const bytes = recordBytes(json, time);
      return {
        recordId: draft.id,
        type: draft.type,
        transaction: draft.transaction,
        mandate,
        bytes,
        leafHash: hashLeaf(bytes),
      };
    });
    const { edge, tiles } = from.edge.append(entries.map(({ leafHash }) => leafHash));
    await at.insert({ first: from.edge.size, entries, tiles });
    waiting.forEach(({ draft }, offset) => {
      outcomes.set(draft.id, { ok: true, receipt: { id: draft.id, index: from.edge.size + BigInt(offset), time } });
    });
    return { edge, lastTime };
  }

  async function placeInTurn(waiting: readonly Pending[], outcomes: Map<string, Outcome>): Promise<LogHead> {
    const settled = new Map<string, Outcome>();
    const placed = await transaction(pool, async (client) => {
      const alone = createLogStore(client);
      await alone.takeTurn();
      await settleKnown(alone, waiting, settled);
      const from = await createTreeReader(alone).readHead();
      const rest = waiting.filter(({ draft }) => !settled.has(draft.id));
      return rest.length === 0 ? from : placeAt(alone, from, rest, settled);
    });
    // Only now: the commit, too, could have failed.
    for (const [id, outcome] of settled) outcomes.set(id, outcome);
    return placed;
  }

  return {
    async append(draft) {
      checkMembers(draft);
      const pending = { draft, json: draftJson(draft), mandate: mandateOf(draft) };
      const outcome = await available(() => batches.submit(pending));
      if (!outcome.ok) throw outcome.error;
      return outcome.receipt;
    },
    head: () => head,
    drain: () => batches.drain(),
  };
}

/** Records that are in the log already: appended twice, or by an attempt whose end was not heard. */
async function settleKnown(
  store: LogStore,
  waiting: readonly Pending[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const known = await store.byRecordIds(waiting.map(({ draft }) => draft.id));
  const byId = new Map(known.map((entry) => [entry.recordId, entry]));
  for (const { draft, json } of waiting) {
    const entry = byId.get(draft.id);
    if (entry === undefined) continue;
    const time = timeOf(entry.bytes);
    // The same draft, written again with the time it got then, gives the same bytes.
    const same = time !== undefined && recordBytes(json, time).equals(entry.bytes);
    outcomes.set(
      draft.id,
      same
        ? { ok: true, receipt: { id: draft.id, index: entry.index, time } }
        : { ok: false, error: identityTaken(draft) },
    );
  }
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
