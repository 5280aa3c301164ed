import { type AuditLog, auditLogErrors, type ScanQuery, type Signer } from '@countersign/contracts';
import { type Clock, newId, type Random, sha256, toInstant } from '@countersign/kernel';
import {
  type EntryBundle,
  encodeEntryBundle,
  formatVerifierKey,
  merkleLogErrors,
  type Tile,
  treeHasTile,
} from '@countersign/merkle-log';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import { available } from './availability.ts';
import { createCheckpointer } from './checkpointer.ts';
import { createBundleExport } from './export-bundle.ts';
import { createLogKeys } from './log-key.ts';
import { logEntry } from './record-json.ts';
import { createSequencer } from './sequencer.ts';
import { createLogStore, type StretchQuery } from './store.ts';
import { createTreeReader } from './tree-reader.ts';
import { verifyLog } from './verify-log.ts';

export interface AuditLogDependencies {
  /** Connections as the log's own role, which may insert and read. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  /** Holds the log's Ed25519 key under the purpose `log-checkpoint`. */
  readonly signer: Signer;
  /** The log's name in its checkpoints and its key, e.g. `log.example.com/countersign` (C2SP tlog-checkpoint). */
  readonly origin: string;
  readonly logger: Logger;
  /** How often a growing log signs a checkpoint by itself, in milliseconds; 1,000 by default. */
  readonly checkpointEveryMs?: number;
}

/** The log as it runs in the process that owns it. */
export interface RunningAuditLog extends AuditLog {
  /** The hashes of a tile, or undefined when the tree does not have it. */
  tile(tile: Tile): Promise<Buffer | undefined>;
  /** Entries in the form of C2SP tlog-tiles, or undefined when the tree does not have them. */
  entryBundle(bundle: EntryBundle): Promise<Buffer | undefined>;
  /** Takes no more records, finishes those under way, signs what is not yet covered. */
  stop(): Promise<void>;
}

const maxSearchResults = 1_000;

/**
 * Opens the log, for the first time or again.
 *
 * @throws CodedError `log_inconsistent` when the rows do not extend what was signed last: it must not start then;
 *   `log_unavailable` when the database cannot answer
 */
export async function createAuditLog(dependencies: AuditLogDependencies): Promise<RunningAuditLog> {
  const { pool, clock, random, signer, origin, logger } = dependencies;
  const store = createLogStore(pool);
  const tree = createTreeReader(store);
  const keys = createLogKeys({ signer, origin });
  const start = await available(() => tree.readHead());
  const sequencer = createSequencer({ pool, clock, logger, start });
  const checkpointer = createCheckpointer({ store, tree, keys, edge: () => sequencer.head()?.edge });
  await available(() => checkpointer.check());
  let verifierKey = formatVerifierKey(await keys.current());

  if (start.edge.size === 0n) {
    // The same id on every node, so that two that open an empty log together write one record.
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

  async function sign() {
    const signed = await checkpointer.sign();
    verifierKey = formatVerifierKey(signed.key);
    return signed;
  }
  const timer = setInterval(() => {
    if (sequencer.head()?.edge.size === checkpointer.newest()?.size) return;
    sign().catch((error: unknown) => logger.error({ error }, 'no checkpoint could be signed'));
  }, dependencies.checkpointEveryMs ?? 1_000);
  timer.unref();

  /** Only for sizes the log has had: a proof about more than there is would be a proof of nothing. */
  async function checkSize(size: bigint): Promise<void> {
    if (size > (await store.size()))
      throw merkleLogErrors.error('proof_out_of_range', 'The log has not grown to this size yet.');
  }

  async function stretchOf({ types, from, until }: Omit<ScanQuery, 'after' | 'limit'>): Promise<StretchQuery> {
    const first = from === undefined ? 0n : await placeOf(from);
    return { types, after: first - 1n, before: until === undefined ? await store.size() : await placeOf(until) };
  }

  async function placeOf(time: number): Promise<bigint> {
    const place = await store.placeOfTime(toInstant(time));
    if (place === undefined) throw auditLogErrors.error('log_inconsistent', 'The log has a gap.');
    return place;
  }

  const log: Omit<RunningAuditLog, 'exportBundle'> = {
    append: (draft) => sequencer.append(draft),
    checkpoint: async () => (await sign()).note,
    verifierKey: () => verifierKey,
    find: (id) => available(async () => (await store.byRecordIds([id])).map(logEntry)[0]),
    async search({ transaction, type, types, after, limit }) {
      if (type !== undefined && types !== undefined)
        throw new Error('records are searched by one type or by several, not by both');
      return available(async () => {
        const found = await store.search({
          transaction,
          types: type === undefined ? types : [type],
          after: after ?? -1n,
          limit: Math.min(limit ?? maxSearchResults, maxSearchResults),
        });
        return found.map(logEntry);
      });
    },
    scan: ({ after = -1n, limit, ...range }) =>
      available(async () => {
        const { types, before, ...stretch } = await stretchOf(range);
        const behind = after > stretch.after ? after : stretch.after;
        if (types.length === 0 || behind + 1n >= before) return [];
        return store.scan({ types, after: behind, before, limit: Math.min(limit, maxSearchResults) });
      }),
    count: (range) =>
      available(async () => {
        const stretch = await stretchOf(range);
        return stretch.types.length === 0 ? 0 : store.count(stretch);
      }),
    newest: (types) => available(() => store.newest(types)),
    async proveInclusion(index, size) {
      const [proof] = await available(async () => {
        await checkSize(size);
        return tree.proveInclusions([index], size);
      });
      return proof ?? [];
    },
    proveConsistency: (from, to) =>
      available(async () => {
        await checkSize(to);
        return tree.proveConsistency(from, to);
      }),
    verify: (onProgress) => available(() => verifyLog({ store, keys, known: sequencer.head()?.edge, onProgress })),
    tile: (tile) => available(async () => (treeHasTile(await store.size(), tile) ? tree.readTile(tile) : undefined)),
    entryBundle: ({ index, width }) =>
      available(async () => {
        if (!treeHasTile(await store.size(), { level: 0, index, width })) return undefined;
        return encodeEntryBundle((await store.range(index * 256n, width)).map(({ bytes }) => bytes));
      }),
    async stop() {
      clearInterval(timer);
      await sequencer.drain();
      if (sequencer.head()?.edge.size !== checkpointer.newest()?.size)
        await sign().catch((error: unknown) => logger.warn({ error }, 'no checkpoint could be signed while stopping'));
    },
  };
  const exportBundle = createBundleExport({ store, tree, keys, sign, append: log.append, clock, random });
  return { ...log, exportBundle: (request) => available(() => exportBundle(request)) };
}
