import {
  type AuditLog,
  auditLogErrors,
  type EvidenceQuery,
  type EvidenceRecord,
  type LogCustody,
  type LogEntry,
  type ScanQuery,
  type Signer,
} from '@countersign/contracts';
import type { KeyHandover } from '@countersign/evidence';
import {
  type Clock,
  createGenerations,
  newId,
  type Random,
  sha256,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import {
  type EntryBundle,
  encodeEntryBundle,
  formatVerifierKey,
  merkleLogErrors,
  type Tile,
  treeHasTile,
} from '@countersign/merkle-log';
import { createRounds, type Logger, type Metrics } from '@countersign/runtime';
import type pg from 'pg';
import { available } from './availability.ts';
import { createCheckpointer } from './checkpointer.ts';
import { type ClockPolicy, type ClockQuality, createClockKeeper } from './clock/clock-keeper.ts';
import { type ClockSource, systemClockSource } from './clock/clock-source.ts';
import { collectEvidence } from './collect-evidence.ts';
import { createLogCustody } from './custody/log-custody.ts';
import { createRemovals } from './custody/removals.ts';
import { createBundleExport } from './export-bundle.ts';
import { createHalt } from './halt.ts';
import { createKeyRotations } from './key-rotations.ts';
import { createLogKeys } from './log-key.ts';
import { withoutProtection } from './protection/no-protection.ts';
import type { OpenedValue, Protection } from './protection/protection.ts';
import { createFolderPublisher, type FolderPublisher, type FolderPublishing } from './publication/folder-publisher.ts';
import { type HeadGuard, openHeadGuard } from './publication/head-guard.ts';
import { createPublisher, type WitnessingOptions } from './publication/publisher.ts';
import { publicationVerifier } from './publication/verify-publication.ts';
import { createEvidenceQuery } from './query/evidence-query.ts';
import { createTermProjection } from './query/term-projection.ts';
import { createFitCheck, type UnfitRecords } from './record-fit.ts';
import { createRecordStreams } from './scanning/record-streams.ts';
import { createEntrySeals } from './seals/entry-seals.ts';
import { createSealedReader } from './seals/sealed-reader.ts';
import { openVerifiedTail } from './seals/verified-tail.ts';
import { createSequencer } from './sequencer.ts';
import type { SignedCheckpoint } from './signed-head.ts';
import { createStandingQuestions, standingRecord } from './standings.ts';
import { custodyStore } from './store/custody.ts';
import { publicationStore } from './store/publication.ts';
import { streamStore } from './store/streams.ts';
import { termStore } from './store/terms.ts';
import { verificationStore } from './store/verification.ts';
import { createLogStore, type StretchQuery } from './store.ts';
import { createStreamMonitor } from './streams/monitor.ts';
import { createSource } from './streams/source.ts';
import { createStream } from './streams/stream.ts';
import { createTreeReader } from './tree-reader.ts';
import { verifyLog } from './verify-log.ts';

export interface AuditLogDependencies {
  /** Connections with the log's own database role, which may insert and read; preferably set to `byIndexAlone`. */
  readonly pool: pg.Pool;
  /** Connections with the role that removes evidence (`evidenceEraserMigrations`). Without them nothing is removed. */
  readonly eraserPool?: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  /** 32 bytes kept outside the database, the same on every node. Entry seals are derived from them. */
  readonly entrySealKey: Uint8Array;
  /** The log's name in its checkpoints and its key, e.g. `log.example.com/countersign` (C2SP tlog-checkpoint). */
  readonly origin: string;
  readonly logger: Logger;
  /** Moves restricted values out of the leaf; without it, every value is stored in the leaf. */
  readonly protection?: Protection;
  readonly metrics?: Pick<Metrics, 'counter' | 'gauge'>;
  /** What happens when a record does not match the schema of its type; not checked by default. */
  readonly unfitRecords?: UnfitRecords | undefined;
  /** Name of this node in the installation, shown in alarms; `unnamed` by default. */
  readonly node?: string;
  /** How often an idle process records a heartbeat, in milliseconds; 10,000 by default, 0 for never. */
  readonly beatEveryMs?: number;
  /** How often the streams are checked for gaps, in milliseconds; 2,000 by default, 0 for never. */
  readonly watchEveryMs?: number;
  /** Measures the clock. Without it, records state that nothing measures it. */
  readonly clockSource?: ClockSource;
  /** Default: measured every minute, at most 100 ms off, and a larger error is flagged. */
  readonly clockPolicy?: Partial<ClockPolicy>;
  /** How often a growing log signs a checkpoint on its own, in milliseconds; 1,000 by default. */
  readonly checkpointEveryMs?: number;
  /** A folder for the head guard, preferably on another disk than the database: it detects a restored backup. */
  readonly headGuardFolder?: string;
  /** Which witnesses must cosign a checkpoint before it is published; none by default. */
  readonly witnessing?: WitnessingOptions;
  /** A folder that a web server can serve, in addition to our own interface. */
  readonly publishTo?: FolderPublishing;
  /** How often an idle log updates the term index by which evidence is found, in milliseconds; 500 by default. */
  readonly indexTermsEveryMs?: number;
}

export interface RunningAuditLog extends AuditLog {
  /** For the retention component only. */
  readonly custody: LogCustody;
  /** Like {@link AuditLog.query}, but without restoring restricted values. */
  queryLeaves(query: EvidenceQuery): Promise<readonly LogEntry[]>;
  /** The records that a bundle of this transaction would contain now, in log order, without restricted values. */
  collect(transaction: TransactionId): Promise<readonly LogEntry[]>;
  /** The restricted values of each record by path. The caller decides whether they may be disclosed. */
  protectedValues(records: readonly EvidenceRecord[]): Promise<readonly (readonly OpenedValue[])[]>;
  tile(tile: Tile): Promise<Buffer | undefined>;
  /** C2SP tlog-tiles. @returns undefined beyond the tree, or if entries were pruned and `gone` is not given */
  entryBundle(bundle: EntryBundle, options?: { readonly gone: 'empty' }): Promise<Buffer | undefined>;
  /** Signs a checkpoint. @throws CodedError `log_unavailable`, `log_inconsistent`, `log_publication_overdue` */
  checkHealth(): Promise<void>;
  /** How the keys of the log succeeded each other, oldest first, for readers who trust one of them. */
  keyHandovers(): Promise<readonly KeyHandover[]>;
  publishToFolder(): Promise<void>;
  clockQuality(): ClockQuality | undefined;
  /** Checks the streams now, unless another node is checking them. */
  watchStreams(): Promise<void>;
  /** Accepts no more records, finishes those in progress, and signs a last checkpoint. */
  stop(): Promise<void>;
}

const maxSearchResults = 1_000;
/** Cached tiles per generation, of which there are two. A tile has at most 8 kB. */
const knownTiles = 512;
const usualClockPolicy: ClockPolicy = { windowMs: 60_000, budgetUs: 100_000, overBudget: 'flag' };

/**
 * Opens the log. @throws CodedError `log_inconsistent` if the rows do not extend the last signed checkpoint;
 * `log_unavailable`; `log_guard_unusable`, `log_policy_unusable`, `log_folder_unusable` if publication cannot work as
 * configured
 */
export async function createAuditLog(dependencies: AuditLogDependencies): Promise<RunningAuditLog> {
  const { headGuardFolder: folder, origin } = dependencies;
  const guard = folder === undefined ? undefined : await openHeadGuard({ folder, origin });
  try {
    return await openAuditLog(dependencies, guard);
  } catch (error) {
    guard?.release();
    throw error;
  }
}

async function openAuditLog(
  dependencies: AuditLogDependencies,
  guard: HeadGuard | undefined,
): Promise<RunningAuditLog> {
  const { pool, clock, random, signer, origin, logger } = dependencies;
  const store = createLogStore(pool);
  const tree = createTreeReader(store);
  const shownTree = createTreeReader(store, createGenerations(knownTiles));
  const keys = createLogKeys({ signer, origin });
  const unsealedBefore = await available(() => store.unsealedBefore());
  const seals = createEntrySeals({ key: dependencies.entrySealKey, origin });
  const tail = await available(() =>
    openVerifiedTail({ store, tree, keys, seals, unsealedBefore, logger, metrics: dependencies.metrics }),
  );
  const reader = createSealedReader({ seals, unsealedBefore, condemn: tail.condemn });
  const stream = createStream({
    id: newId('stream', { clock, random }),
    clock: () => clockKeeper.newest()?.record,
  });
  const protection = dependencies.protection ?? withoutProtection;
  const halt = createHalt({ logger, metrics: dependencies.metrics });
  const mayAppend = () => halt.refusal() ?? tail.refusal() ?? publisher?.refusal() ?? clockKeeper.refusal();
  const sequencer = createSequencer({
    pool,
    clock,
    logger,
    tail,
    seals,
    stream,
    protection,
    mayAppend,
    checkFit: createFitCheck({ unfit: dependencies.unfitRecords, logger, metrics: dependencies.metrics }),
  });
  const ownRecords = { append: sequencer.append, clock, random, logger };
  const clockKeeper = createClockKeeper({
    source: dependencies.clockSource ?? systemClockSource,
    policy: { ...usualClockPolicy, ...dependencies.clockPolicy },
    timeOfDatabase: () => streamStore(pool).timeOfDatabase(),
    ...ownRecords,
  });
  const source = createSource({
    stream,
    node: dependencies.node ?? 'unnamed',
    beatEveryMs: dependencies.beatEveryMs ?? 10_000,
    ...ownRecords,
  });
  const rotations = createKeyRotations({
    ...{ store, tree: shownTree, keys, reader, logger },
    append: sequencer.append,
    published: async (size) => (await publicationStore(pool).published(size - 1n, size)).at(-1)?.note,
  });
  await available(rotations.readOn);
  const checkpointer = createCheckpointer({ store, tree, keys, rotations, tail, guard });
  const standing = await available(() => checkpointer.check());
  if (guard !== undefined && !standing.guarded && standing.signed > 0n)
    logger.warn(
      { file: guard.file, signed: standing.signed.toString() },
      'this node has no head guard yet and trusts the database as it is. If it had a guard before, compare the database with a kept checkpoint',
    );
  const key = await keys.current();
  let verifierKey = formatVerifierKey(key);
  const publisher =
    dependencies.witnessing === undefined
      ? undefined
      : createPublisher({
          options: dependencies.witnessing,
          pool,
          store,
          tree,
          key,
          keysBefore: await keys.all(),
          ownKeys: keys.all,
          keyAt: keys.keyAt,
          handovers: rotations.handovers,
          sign,
          admit: (head) => haltingOn(() => checkpointer.admit(head)),
          size: () => sequencer.head()?.edge.size,
          append: sequencer.append,
          clock,
          logger,
          metrics: dependencies.metrics,
        });

  const isEmpty = tail.head().edge.size === 0n;
  await source.open();
  if (isEmpty) {
    // The same id on every node: two nodes that open an empty log together write one record.
    const id = newId('record', {
      clock: { now: () => 0 },
      random: { bytes: (size) => sha256(`log.opened\n${origin}`).subarray(0, size) },
    });
    await sequencer.append({
      id,
      type: 'log.opened',
      source: 'audit-log',
      outcome: 'done',
      data: { origin, verifier_key: verifierKey },
    });
  }

  await clockKeeper.measure();
  source.start();
  clockKeeper.start();
  const monitor = createStreamMonitor({
    pool,
    seals,
    condemn: tail.condemn,
    append: sequencer.append,
    logger,
    metrics: dependencies.metrics,
    limits: { everyMs: dependencies.watchEveryMs ?? 2_000, toleranceMs: 5_000 },
  });

  async function haltingOn<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      halt.note(error);
      throw error;
    }
  }
  async function sign() {
    // Without this record the old key signs on; a log that takes no records can still be signed.
    await rotations
      .recordDue()
      .catch((error: unknown) => logger.warn({ error }, 'the next key of the log could not be recorded yet'));
    const signed = await haltingOn(() => checkpointer.sign());
    halt.clear();
    verifierKey = formatVerifierKey(signed.key);
    return signed;
  }
  /** Without new records it compares database, signed checkpoint and head guard: any of them may have been replaced. */
  async function signOrCompare(): Promise<void> {
    const newest = checkpointer.newest()?.size;
    const isSigned = tail.head().edge.size === newest && (await store.size()) === newest;
    if (!isSigned) return void (await sign());
    await haltingOn(() => available(() => checkpointer.check()));
    halt.clear();
  }
  const comparing = createRounds({
    what: 'comparing and signing the head of the log',
    work: signOrCompare,
    logger,
    everyMs: dependencies.checkpointEveryMs ?? 1_000,
    level: 'error',
  });
  await available(async () => publisher?.start());

  const publish = (): Promise<SignedCheckpoint> =>
    publisher === undefined ? sign() : available(() => publisher.publish());
  const published = (): Promise<string | undefined> =>
    available(async () => (publisher === undefined ? checkpointer.newest()?.note : publisher.published()));

  async function checkSize(size: bigint): Promise<void> {
    if (size > (await store.size()))
      throw merkleLogErrors.error('proof_out_of_range', 'The log has not grown to this size yet.');
  }

  async function stretchOf({ types, from, until }: Omit<ScanQuery, 'after' | 'limit'>): Promise<StretchQuery> {
    const first = from === undefined ? 0n : await placeOf(from);
    return { types, after: first - 1n, before: until === undefined ? await store.size() : await placeOf(until) };
  }

  async function placeOf(time: number): Promise<bigint> {
    const place = await store.placeOfTime(toInstant(time), time);
    if (place === undefined) throw auditLogErrors.error('log_inconsistent', 'The log has a gap.');
    return place;
  }

  async function restored(entries: readonly LogEntry[]): Promise<readonly LogEntry[]> {
    const records = await protection.restore(entries.map(({ record }) => record));
    return entries.map((entry, place) => ({ ...entry, record: records[place] ?? entry.record }));
  }

  const streams = createRecordStreams({ pool, protection, logger });
  const projection = createTermProjection({
    pool,
    seals,
    condemn: tail.condemn,
    logger,
    everyMs: dependencies.indexTermsEveryMs,
  });
  const queries = createEvidenceQuery({
    ...{ store, projection, reader },
    terms: termStore(pool),
    placeOfTime: placeOf,
  });
  /** Entries older than the seals are evidence, but give no authority. */
  const authorityAfter = (after: bigint | undefined): bigint =>
    after === undefined || after < unsealedBefore - 1n ? unsealedBefore - 1n : after;

  /** As it is served at `keys.json`. */
  async function succession() {
    const handovers = await available(() => rotations.handovers());
    const heads = await Promise.all(handovers.map(({ checkpoint }) => keys.open(checkpoint)));
    const shown = handovers.map(({ size: _, ...handover }) => handover);
    return { heads, document: `${JSON.stringify({ handovers: shown })}\n` };
  }

  const askHowTheyStand = createStandingQuestions(store);
  let folder: FolderPublisher | undefined;
  const log: Omit<RunningAuditLog, 'exportBundle' | 'publishToFolder'> = {
    custody: createLogCustody({
      ...{ log: store, projection, queries, clock, random },
      store: custodyStore(pool),
      removals: createRemovals({
        ...{ log: store, sequencer, sign, reader, mayAppend, logger },
        eraser: dependencies.eraserPool,
      }),
      placeOfTime: placeOf,
    }),
    append: (draft) => sequencer.append(draft),
    checkpoint: async () => (await publish()).note,
    published,
    async checkHealth() {
      await sign();
      const refusal = halt.refusal() ?? publisher?.refusal();
      if (refusal !== undefined) throw refusal;
    },
    verifierKey: () => verifierKey,
    keyHandovers: () =>
      available(async () => (await rotations.handovers()).map(({ size: _, ...handover }) => handover)),
    find: (id) =>
      available(async () => {
        const found = (await store.byRecordIds([id])).filter(reader.isAuthority);
        return (await restored(found.map(reader.read)))[0];
      }),
    standings: (things) =>
      available(async () => {
        if (things.length > maxSearchResults)
          throw new Error(`standings of more than ${maxSearchResults} things were requested at once`);
        if (things.length === 0) return new Map();
        const rows = await askHowTheyStand(things);
        return new Map(rows.map((row) => [row.subject, standingRecord(reader.standing(row))]));
      }),
    standingsUnder: (prefix, { after = prefix, limit }) =>
      available(async () => {
        const asked = Math.min(limit, maxSearchResults);
        const rows = await store.newestStandingsUnder(prefix, after, asked);
        const things = rows.map((row) => ({ of: row.subject, ...standingRecord(reader.standing(row)) }));
        const last = things.at(-1);
        return {
          things: things.filter(({ digest }) => digest !== undefined),
          ...(last === undefined || rows.length < asked ? {} : { next: last.of }),
        };
      }),
    lastUnder: (prefixes) =>
      available(async () => {
        if (prefixes.length > maxSearchResults)
          throw new Error(`the last things of more than ${maxSearchResults} prefixes were requested at once`);
        if (prefixes.length === 0) return new Map();
        const rows = await store.lastStandingsUnder(prefixes);
        return new Map(
          rows.map((row) => [row.prefix, { of: row.subject, ...standingRecord(reader.standing(row)) }] as const),
        );
      }),
    async search({ transaction, type, types, after, limit, withheld }) {
      if (type !== undefined && types !== undefined)
        throw new Error('a search takes either `type` or `types`, not both');
      return available(async () => {
        const found = await store.search({
          transaction,
          types: type === undefined ? types : [type],
          after: authorityAfter(after),
          limit: Math.min(limit ?? maxSearchResults, maxSearchResults),
        });
        const entries = found.map(reader.read);
        return withheld === true ? entries : restored(entries);
      });
    },
    scan: ({ after = -1n, limit, ...range }) =>
      available(async () => {
        const { types, before, ...stretch } = await stretchOf(range);
        const behind = after > stretch.after ? after : stretch.after;
        if (types.length === 0 || behind + 1n >= before) return [];
        return store.scan({ types, after: behind, before, limit: Math.min(limit, maxSearchResults) });
      }),
    stream: async ({ values, ...range }) => streams.open(await available(() => stretchOf(range)), values),
    count: (range) =>
      available(async () => {
        const stretch = await stretchOf(range);
        return stretch.types.length === 0 ? 0 : store.count(stretch);
      }),
    query: (query) => available(async () => restored(await queries({ ...query, after: authorityAfter(query.after) }))),
    queryLeaves: (query) => available(() => queries(query)),
    collect: (transaction) =>
      available(async () =>
        [...(await collectEvidence(store, transaction)).values()]
          .map(reader.read)
          .toSorted((one, other) => (one.index < other.index ? -1 : 1)),
      ),
    protectedValues: (records) => available(() => protection.open(records)),
    newest: (types) => available(() => store.newest(types)),
    async proveInclusion(index, size) {
      const [proof] = await available(async () => {
        await checkSize(size);
        return shownTree.proveInclusions([index], size);
      });
      return proof ?? [];
    },
    proveConsistency: (from, to) =>
      available(async () => {
        await checkSize(to);
        return shownTree.proveConsistency(from, to);
      }),
    verify: (onProgress) =>
      available(() =>
        verifyLog({
          store,
          besides: verificationStore(pool),
          protection,
          publication: publicationVerifier({ store: publicationStore(pool), keys }),
          keys,
          known: sequencer.head()?.edge,
          onProgress,
        }),
      ),
    tile: (tile) =>
      available(async () => (treeHasTile(await store.size(), tile) ? shownTree.readTile(tile) : undefined)),
    entryBundle: ({ index, width }, options) =>
      available(async () => {
        if (!treeHasTile(await store.size(), { level: 0, index, width })) return undefined;
        const absent = options?.gone === 'empty' ? Buffer.alloc(0) : [];
        const bodies = (await store.range(index * 256n, width)).flatMap(({ bytes }) => bytes ?? absent);
        return bodies.length === width ? encodeEntryBundle(bodies) : undefined;
      }),
    clockQuality: () => clockKeeper.newest(),
    watchStreams: () => monitor.look(),
    async stop() {
      await comparing.stop();
      await streams.stop();
      await projection.stop();
      await monitor.stop();
      await clockKeeper.stop();
      await source.stop();
      await sequencer
        .close(source.last)
        .catch((error: unknown) => logger.warn({ error }, 'the stream of records could not be closed'));
      if (tail.head().edge.size !== checkpointer.newest()?.size)
        await sign().catch((error: unknown) => logger.warn({ error }, 'no checkpoint could be signed while stopping'));
      await publisher?.stop();
      await folder?.stop();
      await checkpointer.close();
      guard?.release();
    },
  };
  const { publishTo } = dependencies;
  if (publishTo !== undefined)
    try {
      folder = await createFolderPublisher({
        ...{ options: publishTo, source: log, published, logger },
        open: keys.open,
        succession,
      });
    } catch (error) {
      await log.stop();
      throw error;
    }
  const exportBundle = createBundleExport({
    store,
    tree,
    keys,
    rotations,
    sign: publish,
    append: log.append,
    protection,
    clock,
    random,
  });
  return {
    ...log,
    publishToFolder: async () => folder?.update(),
    exportBundle: (request) => available(() => exportBundle(request)),
  };
}
