import {
  auditLogErrors,
  completeDraft,
  type EvidenceRecord,
  type RecordDraft,
  type RecordReceipt,
  type RetentionClass,
  recordTypes,
  retentionClassOf,
  type Standing,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  canonicalize,
  decodeBase64Url,
  isCodedError,
  parseDigest,
  parseId,
  toInstant,
} from '@countersign/kernel';
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
import { checkRecordLength, recordBytes, recordRest, timeOf } from './record-json.ts';
import type { EntrySeals } from './seals/entry-seals.ts';
import type { VerifiedTail } from './seals/verified-tail.ts';
import type { SealedStanding } from './store/append.ts';
import { streamStore } from './store/streams.ts';
import { createLogStore, type LogStore } from './store.ts';
import type { Stream } from './streams/stream.ts';
import type { LogHead } from './tree-reader.ts';

export interface Sequencer {
  /** @throws CodedError `log_unavailable`, `record_too_large`, `record_identity_taken`, and what `mayAppend` returns */
  append(draft: RecordDraft): Promise<RecordReceipt>;
  /** In one transaction with its work, while appends wait. @throws CodedError as {@link append}, and of the work */
  appendWith(draft: RecordDraft, work: WorkWithRecord): Promise<RecordReceipt>;
  /** After this process's last append; undefined after a failure, until the next append. */
  head(): LogHead | undefined;
  /** Accepts no more records, waits for those in progress, and writes a last one. */
  close(last: () => RecordDraft): Promise<void>;
}

/** Runs in the transaction that has just inserted the record at this place. */
export type WorkWithRecord = (session: pg.PoolClient, index: bigint) => Promise<void>;

interface Pending {
  readonly work: WorkWithRecord | undefined;
  readonly draft: RecordDraft;
  readonly sealed: SealedDraft;
  readonly class: RetentionClass;
  readonly mandate: string | undefined;
}

interface Placed {
  readonly head: LogHead;
  readonly last: number;
}

type Outcome =
  | { readonly ok: true; readonly receipt: RecordReceipt }
  | { readonly ok: false; readonly error: CodedError };

const maxBatch = 512;
const maxQueued = 10_000;
/** The first attempt uses the state in memory; later ones take the append turn and read the log first. */
const maxAttempts = 3;

/**
 * Any number of processes may share a database. A batch is inserted at the places believed to be next; if another
 * process was faster, the primary key refuses it, and it is inserted under the append turn. The turn also settles
 * whether a statement whose connection was lost was committed: it waits for that statement to end and looks up the
 * record ids.
 */
export function createSequencer(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tail: VerifiedTail;
  readonly seals: EntrySeals;
  readonly stream: Stream;
  readonly protection: Protection;
  /** Why appending is refused now. Records of the log about itself are exempt. */
  readonly mayAppend: () => CodedError | undefined;
  readonly checkFit?: (draft: RecordDraft) => void;
}): Sequencer {
  const { pool, clock, logger, tail, seals, stream, protection, mayAppend, checkFit = () => undefined } = dependencies;
  const store = createLogStore(pool);
  let head: LogHead | undefined = tail.head();
  let placedBelow = tail.head().edge.size;
  /** It is unknown whether the records of a lost statement are in the log. */
  let doubtful = false;
  let closing: Promise<void> | undefined;
  let underWay = 0;
  const atRest: (() => void)[] = [];

  const batches = createGroupCommit<Pending, Outcome>({
    maxBatch,
    maxQueued,
    async flush(batch) {
      const outcomes = new Map<string, Outcome>();
      const firsts = new Map<string, Pending>();
      for (const pending of batch) if (!firsts.has(pending.draft.id)) firsts.set(pending.draft.id, pending);
      try {
        for (const run of runsOf([...firsts.values()])) await sequenceRun(run, outcomes);
        return batch.map((pending) => {
          const outcome = outcomes.get(pending.draft.id);
          const first = firsts.get(pending.draft.id);
          if (outcome === undefined || first === undefined) throw new Error('a record of the batch has no outcome');
          // Of two drafts with one id, the second succeeds only if it is identical.
          return saysTheSame(first, pending) ? outcome : { ok: false, error: identityTaken(pending.draft) };
        });
      } finally {
        underWay -= batch.length;
        if (underWay === 0) for (const rested of atRest.splice(0)) rested();
      }
    },
  });

  async function sequenceRun(run: readonly Pending[], outcomes: Map<string, Outcome>): Promise<void> {
    const [first] = run;
    if (first?.work === undefined) return sequence(run, outcomes);
    try {
      await placeInTurn(run, outcomes);
    } catch (error) {
      // Only this record fails, not the rest of the batch.
      failed(error);
      outcomes.set(first.draft.id, { ok: false, error: isCodedError(error) ? error : logUnavailable(error) });
    }
  }

  async function sequence(waiting: readonly Pending[], outcomes: Map<string, Outcome>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (head === undefined) await placeInTurn(waiting, outcomes);
        else reached(await placeAt(store, newer(head, tail.head()), stream.last, waiting, outcomes));
        return;
      } catch (error) {
        failed(error);
        const another = isPlaceTaken(error) || isDatabaseUnavailable(error);
        if (!another || attempt === maxAttempts) {
          logger.error({ error, records: waiting.length }, 'records could not be appended');
          throw error;
        }
      }
    }
  }

  function reached({ head: now, last }: Placed): void {
    head = now;
    tail.advance(now);
    if (last > stream.last) placedBelow = now.edge.size;
    stream.advanceTo(last);
  }

  /** A taken place is definite: none of these records was written. */
  function failed(error: unknown): void {
    head = undefined;
    if (!isPlaceTaken(error)) doubtful = true;
  }

  /** Outcomes are set only once the rows are inserted. */
  async function placeAt(
    at: LogStore,
    from: LogHead,
    last: number,
    waiting: readonly Pending[],
    outcomes: Map<string, Outcome>,
  ): Promise<Placed> {
    const lastTime = Math.max(clock.now(), from.lastTime);
    const time = toInstant(lastTime);
    const entries = waiting.map(({ draft, sealed, mandate, class: shard }, offset) => {
      const origin = stream.originOf(last + 1 + offset);
      const bytes = recordBytes(recordRest(origin, sealed.json, sealed.commitments), time);
      const leafHash = hashLeaf(bytes);
      const index = from.edge.size + BigInt(offset);
      return {
        recordId: draft.id,
        type: draft.type,
        class: shard,
        transaction: draft.transaction,
        mandate,
        bytes,
        leafHash,
        seal: seals.seal({ index, leafHash, recordId: draft.id }),
        sealed: sealed.values,
        standing: (draft.standing ?? []).map((standing) => sealedStanding(standing, index, seals)),
      };
    });
    const { edge, tiles } = from.edge.append(entries.map(({ leafHash }) => leafHash));
    await at.insert({ first: from.edge.size, recordedAt: lastTime, entries, tiles });
    waiting.forEach((pending, offset) => {
      const { id } = pending.draft;
      outcomes.set(id, { ok: true, receipt: { id, index: from.edge.size + BigInt(offset), time } });
    });
    return { head: { edge, lastTime }, last: last + entries.length };
  }

  async function placeInTurn(waiting: readonly Pending[], outcomes: Map<string, Outcome>): Promise<void> {
    const settled = new Map<string, Outcome>();
    const place = async (client: pg.PoolClient): Promise<Placed> => {
      const alone = createLogStore(client);
      await alone.takeTurn();
      const from = await tail.readOn(alone);
      await settleKnown(alone, waiting, settled);
      const last = doubtful
        ? Math.max(stream.last, await streamStore(client).lastNumber(stream.id, placedBelow))
        : stream.last;
      const rest = waiting.filter(({ draft }) => !settled.has(draft.id));
      if (rest.length === 0) return { head: from, last };
      const at = await placeAt(alone, from, last, rest, settled);
      for (const [offset, { work }] of rest.entries()) await work?.(client, from.edge.size + BigInt(offset));
      return at;
    };
    const now = await transaction(pool, place, { single: true });
    // After the commit, which could fail.
    for (const [id, outcome] of settled) outcomes.set(id, outcome);
    // A lost statement that arrives later finds its places taken.
    if (now.last > stream.last) doubtful = false;
    reached(now);
  }

  /** Repeated drafts, or attempts whose result was lost. */
  async function settleKnown(
    alone: LogStore,
    waiting: readonly Pending[],
    outcomes: Map<string, Outcome>,
  ): Promise<void> {
    const known = await alone.known(waiting.map(({ draft }) => draft.id));
    const byId = new Map(known.map((entry) => [entry.recordId, entry]));
    for (const pending of waiting) {
      const { draft, sealed } = pending;
      const entry = byId.get(draft.id);
      if (entry === undefined) continue;
      const time = entry.bytes === undefined ? undefined : timeOf(entry.bytes);
      const same =
        entry.bytes !== undefined && (await isSameDraft({ draft, sealed, written: entry.bytes, protection }));
      outcomes.set(
        draft.id,
        same && time !== undefined
          ? { ok: true, receipt: { id: draft.id, index: entry.index, time } }
          : { ok: false, error: identityTaken(draft) },
      );
    }
  }

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
    checkRecordLength(sealed.json, sealed.commitments);
    if (batches.queued >= maxQueued)
      throw databaseErrors.error('overloaded', 'More records arrive than can be made durable. Try again shortly.');
    underWay++;
    return batches.submit({ draft, sealed, class: shard, mandate: mandateOf(draft), work });
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
    // Records of removals get no exception, whichever component writes them.
    const refusal = isOwn(draft) && work === undefined ? undefined : mayAppend();
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

function sealedStanding({ of, digest: text }: Standing, index: bigint, seals: EntrySeals): SealedStanding {
  const digest = text === undefined ? null : decodeBase64Url(text);
  if (digest === undefined) throw new Error('the digest of a standing is not a SHA-256 in base64url');
  const row = { subject: of, index, digest: digest === null ? null : Buffer.from(digest) };
  return { ...row, seal: seals.sealStanding(row) };
}

function newer(one: LogHead, other: LogHead): LogHead {
  return one.edge.size > other.edge.size ? one : other;
}

/** A record with work forms a run of its own. */
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

/** Records of the log about itself are appended even if others are refused. */
function isOwn({ type, source }: RecordDraft): boolean {
  return source === 'audit-log' && /^(?:log|source|clock)\./.test(type);
}

function saysTheSame(one: Pending, other: Pending): boolean {
  return one === other || (one.sealed.json === other.sealed.json && one.sealed.restricted === other.sealed.restricted);
}

function identityTaken(draft: RecordDraft): CodedError {
  return auditLogErrors.error('record_identity_taken', `The log holds another record under the id ${draft.id}.`);
}

function isPlaceTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

const knownTypes: ReadonlySet<string> = new Set(recordTypes);

const maxStandings = 1_000;

function checkMembers({ id, type, transaction, standing = [] }: RecordDraft): void {
  if (
    parseId('record', id) === undefined ||
    !knownTypes.has(type) ||
    (transaction !== undefined && parseId('transaction', transaction) === undefined)
  )
    throw new Error(`a draft of type ${type} does not have the id, type or transaction of a record`);
  if (
    standing.length > maxStandings ||
    new Set(standing.map(({ of }) => of)).size < standing.length ||
    standing.some(({ of, digest }) => !/^[!-~]{1,256}$/.test(of) || (digest !== undefined && !parseDigest(digest)))
  )
    throw new Error(`a draft of type ${type} has a repeated or malformed standing`);
}

/** Apart from the members that the log sets; restricted values are compared if they can be read. */
export async function isSameDraft(request: {
  readonly draft: RecordDraft;
  readonly sealed: SealedDraft;
  readonly written: Buffer;
  readonly protection: Protection;
}): Promise<boolean> {
  const { draft, sealed, written, protection } = request;
  // The log wrote these octets; their hash is in its tree.
  const record = JSON.parse(written.toString()) as EvidenceRecord;
  const { v, time: _time, stream: _stream, number: _number, clock: _clock, protected: _protected, ...open } = record;
  // Version 1 has no restricted values.
  if (v === 1) return canonicalize(open) === canonicalize(completeDraft(draft));
  if (canonicalize(open) !== canonicalize(JSON.parse(sealed.json))) return false;
  const restricted = await protection.restrictedTextOf(record);
  return restricted === undefined || restricted === sealed.restricted;
}
