import type { Actor, AuditLog, LogEntry, StampedThing, TimeStamper } from '@countersign/contracts';
import { type Clock, defined, parseInstant, type Random, sha256 } from '@countersign/kernel';
import { hashSize, parseCheckpoint, parseNote, type Tile, tileWidth } from '@countersign/merkle-log';
import { createRounds, type Logger } from '@countersign/runtime';
import type { Held, Store } from '../store.ts';
import type { Overdue } from './overdue.ts';
import { isToBeStamped, type StampPolicy, stampedTypes } from './stamp-policy.ts';
import { type StampedOf, stampRecord } from './stamp-record.ts';

export interface StampedLog extends Pick<AuditLog, 'append' | 'search' | 'newest' | 'published'> {
  tile(tile: Tile): Promise<Uint8Array | undefined>;
}

export interface StamperDependencies {
  readonly store: Store;
  readonly log: StampedLog;
  readonly timeStamper: TimeStamper;
  readonly overdue: Overdue;
  readonly policy: StampPolicy;
  /** Milliseconds. */
  readonly checkpointsEveryMs: number;
  readonly authority: string;
  readonly by: Actor;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Milliseconds. */
  readonly everyMs: number;
}

export interface Stamper {
  /** Also runs periodically. @returns the number of stamps obtained */
  stampDue(): Promise<number>;
  /** Another node continues at once. */
  stop(): Promise<void>;
}

const pageSize = 100;
/** Longer than a request to the authority may take. Extended after each stamp. */
const turnMs = 60_000;
const firstPauseMs = 1_000;
const longestPauseMs = 300_000;

/** One node stamps at a time. The next one may repeat the last stamp, which is harmless. */
export function createStamper(dependencies: StamperDependencies): Stamper {
  const { store, log, timeStamper, overdue, policy, checkpointsEveryMs, authority, by } = dependencies;
  const { clock, random, logger, everyMs } = dependencies;
  /** The first checkpoint is due from this time. */
  const startedAt = clock.now();
  let turn: string | undefined;
  /** The state when this node last held the turn. */
  let known: Held | undefined;
  let failures = 0;
  let notBefore = 0;
  let stopped = false;

  const checkpointDueAt = ({ checkpointAt }: Held): number =>
    checkpointAt === undefined ? startedAt : checkpointAt + checkpointsEveryMs;

  async function work(): Promise<number> {
    if (stopped || clock.now() < notBefore) return 0;
    const newest = await log.newest(stampedTypes);
    if (known !== undefined && known.position >= newest && checkpointDueAt(known) > clock.now()) return 0;
    if (known === undefined && !(await store.hasStarted())) await store.start(newest);
    const held = await hold();
    if (held === undefined) return 0;
    return (await stampCheckpoint(held)) + (await stampRecords(held));
  }

  async function hold(): Promise<Held | undefined> {
    const held = await store.hold(turn, turnMs);
    turn = held?.turn;
    if (held !== undefined) known = held;
    return held;
  }

  async function stampCheckpoint(held: Held): Promise<number> {
    const dueAt = checkpointDueAt(held);
    if (dueAt > clock.now()) return 0;
    const checkpoint = await log.published();
    const size = checkpoint === undefined ? undefined : sizeOf(checkpoint);
    // The existing stamp covers everything.
    if (checkpoint === undefined || size === undefined || size <= held.checkpointSize) return 0;
    const at = clock.now();
    const thing: StampedThing = { kind: 'checkpoint', size: size.toString(), checkpoint };
    await obtain({ thing, digest: sha256(checkpoint), since: dueAt });
    await store.checkpointStamped(held, size, at);
    known = { ...held, checkpointSize: size, checkpointAt: at };
    return 1;
  }

  async function stampRecords(held: Held): Promise<number> {
    let count = 0;
    let position = held.position;
    for (let full = true; full && !stopped; ) {
      const page = await log.search({ types: stampedTypes, after: position, limit: pageSize });
      full = page.length === pageSize;
      for (const entry of page) {
        if (stopped) break;
        if (isToBeStamped(entry.record, policy)) {
          await stampEntry(entry);
          count += 1;
          // So that another node need not repeat the page.
          await store.advance(held, entry.index);
          if ((await hold()) === undefined) return count;
        }
        position = entry.index;
      }
      if (position > held.position) await store.advance(held, position);
    }
    known = known === undefined ? undefined : { ...known, position };
    return count;
  }

  async function stampEntry({ index, record }: LogEntry): Promise<void> {
    const leafHash = await leafHashAt(index);
    const { id, transaction, time } = record;
    await obtain({
      thing: { kind: 'record', record: id, leafHash: Buffer.from(leafHash).toString('base64url') },
      // A leaf hash is already a SHA-256.
      digest: leafHash,
      of: { record: id, ...defined({ transaction }) },
      since: parseInstant(time) ?? 0,
    });
  }

  async function leafHashAt(index: bigint): Promise<Uint8Array> {
    const width = Number(index % BigInt(tileWidth)) + 1;
    const hashes = await log.tile({ level: 0, index: index / BigInt(tileWidth), width });
    if (hashes?.length !== width * hashSize) throw new Error(`the tree has no leaf at ${index}`);
    return hashes.subarray(-hashSize);
  }

  async function obtain(wanted: {
    readonly thing: StampedThing;
    readonly digest: Uint8Array;
    readonly of?: StampedOf;
    readonly since: number;
  }): Promise<void> {
    const { thing, digest, of, since } = wanted;
    try {
      const stamp = await timeStamper.stamp(digest);
      await log.append(stampRecord({ thing, stamp, authority, by, ...defined({ of }) }, { clock, random }));
    } catch (error) {
      notBefore = clock.now() + Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
      failures += 1;
      await overdue.waits(since, error);
      throw error;
    }
    failures = 0;
    overdue.settled();
  }

  const rounds = createRounds({ what: 'time-stamping', work, logger, everyMs });

  return {
    stampDue: async () => (await rounds.join()) ?? 0,
    async stop() {
      stopped = true;
      await rounds.stop();
      if (turn !== undefined) await store.release(turn).catch(() => undefined);
    },
  };
}

function sizeOf(checkpoint: string): bigint | undefined {
  const note = parseNote(checkpoint);
  const parsed = note.ok ? parseCheckpoint(note.note.text) : undefined;
  return parsed?.ok === true ? parsed.checkpoint.size : undefined;
}
