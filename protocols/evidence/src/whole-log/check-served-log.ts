import {
  type EntryBundle,
  Frontier,
  hashLeaf,
  hashSize,
  type Tile,
  tilePath,
  tileRoot,
  tileWidth,
  widthInTree,
} from '@countersign/merkle-log';
import { createEntryReader } from './entry-reader.ts';
import { createHashList } from './hash-list.ts';
import { type LogFault, logFault, type SoundLog } from './whole-log.ts';

/** Untrusted. */
export interface ServedLog {
  /** Undefined if there is none. */
  tile(tile: Tile): Promise<Uint8Array | undefined>;
  /** Undefined for each pruned body, or as a whole if the bundle cannot be read. */
  entries(bundle: EntryBundle): Promise<readonly (Buffer | undefined)[] | undefined>;
}

export interface SignedHead {
  readonly size: bigint;
  readonly root: Uint8Array;
}

export type ServedLogCheck =
  | LogFault
  | (SoundLog & {
      /** Unreadable and not declared as pruned. */
      readonly unread: number;
      /** Entries of another implementation, checked by hash only. */
      readonly foreign: number;
    });

const bundlesAhead = 8;

/**
 * Recomputes hashes, indexes, times, stream numbers, all tiles, the signed root and the root of an earlier checkpoint.
 * @param head of a verified checkpoint @param foreignEntries accepts entries of another implementation @param earlier
 * an older verified head, which the log must extend @param handovers verified heads at which another key took over
 * @returns the first fault
 */
export async function checkServedLog({
  source,
  head,
  earlier,
  handovers = [],
  foreignEntries = false,
  onProgress,
}: {
  readonly source: ServedLog;
  readonly head: SignedHead;
  readonly earlier?: SignedHead | undefined;
  readonly handovers?: readonly SignedHead[];
  readonly foreignEntries?: boolean;
  readonly onProgress?: (done: bigint, of: bigint) => void;
}): Promise<ServedLogCheck> {
  if (earlier !== undefined && earlier.size > head.size)
    return logFault(
      'checkpoint_stale',
      `The log shows a checkpoint of ${head.size} entries, and has shown one of ${earlier.size}: it is an old one, or the log was set back.`,
      head.size,
    );
  const hashes = createHashList();
  const reader = createEntryReader({ leafHashes: hashes.of, foreignEntries });
  const above = createTilesAbove(source, head.size);
  let frontier = Frontier.empty;

  /** Whether the tree of a head is among these leaves and has another root. */
  const differs = ({ size, root }: SignedHead, leaves: readonly Buffer[]): boolean =>
    size >= frontier.size &&
    size <= frontier.size + BigInt(leaves.length) &&
    !frontier
      .append(leaves.slice(0, Number(size - frontier.size)))
      .root()
      .equals(root);
  const forked = (leaves: readonly Buffer[]): LogFault | undefined => {
    if (earlier !== undefined && differs(earlier, leaves))
      return logFault(
        'history_forked',
        `The first ${earlier.size} entries are not those of the earlier checkpoint. Keep both checkpoints: together they prove it.`,
        earlier.size - 1n,
      );
    const handover = handovers.find((head) => differs(head, leaves));
    return handover === undefined
      ? undefined
      : logFault(
          'history_forked',
          `The first ${handover.size} entries are not those of the handover to another key of the log. Keep both: together they prove it.`,
          handover.size - 1n,
        );
  };

  const bundles = Number((head.size + BigInt(tileWidth) - 1n) / BigInt(tileWidth));
  const stretches = readAhead(bundles, bundlesAhead, async (number) => {
    const index = BigInt(number);
    const width = widthInTree(head.size, { level: 0, index });
    const [entries, tile] = await Promise.all([
      source.entries({ index, width }),
      source.tile({ level: 0, index, width }),
    ]);
    return { entries, place: { level: 0, index, width }, tile };
  });
  for await (const { entries, place, tile } of stretches) {
    const first = place.index * BigInt(tileWidth);
    const stored = hashesOf(tile, place, first);
    if (!Array.isArray(stored)) return stored;
    if (entries !== undefined && entries.length !== place.width)
      return logFault(
        'entry_missing',
        `There are ${entries.length} of the ${place.width} entries from ${first} on.`,
        first,
      );
    const leaves = stored.map((hash, offset) => {
      const bytes = entries?.[offset];
      return bytes === undefined ? hash : hashLeaf(bytes);
    });
    const other = leaves.findIndex((leaf, offset) => stored[offset]?.equals(leaf) !== true);
    if (other >= 0)
      return (await tileIsWrong({ source, head, place, leaves, before: frontier }))
        ? logFault(
            'tile_altered',
            `${tilePath(place)} does not have the hash of entry ${first + BigInt(other)}.`,
            first + BigInt(other),
          )
        : logFault(
            'entry_altered',
            `Entry ${first + BigInt(other)} is not the one that was hashed into the tree.`,
            first + BigInt(other),
          );
    for (const [offset, leafHash] of leaves.entries()) {
      const index = first + BigInt(offset);
      const read = await reader.read({ index, bytes: entries?.[offset], leafHash, unread: entries === undefined });
      if (!read.ok) return read;
      hashes.add(leafHash);
    }
    const wrong = forked(leaves) ?? (await above.add(leaves, first + BigInt(place.width) - 1n));
    if (wrong !== undefined) return wrong;
    frontier = frontier.append(leaves);
    onProgress?.(frontier.size, head.size);
  }
  const wrong = forked([]) ?? (await above.finish()) ?? reader.finish();
  if (wrong !== undefined) return wrong;
  const root = frontier.root();
  if (!root.equals(head.root))
    return logFault('root_differs', `The ${head.size} entries do not have the root that was signed.`, head.size - 1n);
  const { foreign, absent, unread, openStreams } = reader.counts();
  return { ok: true, size: head.size, root, pruned: absent - unread, unread, foreign, openStreams };
}

/** Compares recomputed tiles with the served ones. */
function createTilesAbove(source: ServedLog, size: bigint) {
  const levels: { readonly hashes: Buffer[]; index: bigint }[] = [];

  async function differs(level: number, index: bigint, hashes: readonly Buffer[], last: bigint) {
    // Already compared with the entries.
    if (level === 0) return undefined;
    const tile = { level, index, width: hashes.length };
    const stored = hashesOf(await source.tile(tile), tile, last);
    if (!Array.isArray(stored)) return stored;
    return Buffer.concat(stored).equals(Buffer.concat(hashes))
      ? undefined
      : logFault('tile_altered', `${tilePath(tile)} does not have the hashes of what is below it.`, last);
  }

  async function addTo(level: number, hash: Buffer, last: bigint): Promise<LogFault | undefined> {
    levels[level] ??= { hashes: [], index: 0n };
    const at = levels[level];
    at.hashes.push(hash);
    if (at.hashes.length < tileWidth) return undefined;
    const full = at.hashes.splice(0);
    const index = at.index++;
    const wrong = await differs(level, index, full, last);
    return wrong ?? addTo(level + 1, tileRoot(Buffer.concat(full)), last);
  }

  return {
    /** @param last index of the last leaf */
    async add(leaves: readonly Buffer[], last: bigint): Promise<LogFault | undefined> {
      for (const leaf of leaves) {
        const wrong = await addTo(0, leaf, last);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
    /** Partial tiles at the right edge. */
    async finish(): Promise<LogFault | undefined> {
      for (const [level, { hashes, index }] of levels.entries()) {
        if (hashes.length === 0) continue;
        const wrong = await differs(level, index, hashes, size - 1n);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
  };
}

function hashesOf(tile: Uint8Array | undefined, place: Tile, index: bigint): Buffer[] | LogFault {
  if (tile === undefined) return logFault('tile_missing', `There is no ${tilePath(place)}.`, index);
  if (tile.length !== place.width * hashSize)
    return logFault(
      'tile_altered',
      `${tilePath(place)} has ${tile.length} bytes and not ${place.width} hashes.`,
      index,
    );
  const bytes = Buffer.from(tile);
  return Array.from({ length: place.width }, (_, at) => bytes.subarray(at * hashSize, (at + 1) * hashSize));
}

/** The parent tile or the root decides whether the entries or their tile are wrong. */
async function tileIsWrong({
  source,
  head,
  place,
  leaves,
  before,
}: {
  readonly source: ServedLog;
  readonly head: SignedHead;
  readonly place: Tile;
  readonly leaves: readonly Buffer[];
  readonly before: Frontier;
}): Promise<boolean> {
  if (before.size + BigInt(leaves.length) === head.size) return before.append(leaves).root().equals(head.root);
  const index = place.index / BigInt(tileWidth);
  const parent = await source.tile({ level: 1, index, width: widthInTree(head.size, { level: 1, index }) });
  const at = Number(place.index % BigInt(tileWidth)) * hashSize;
  return parent !== undefined && tileRoot(Buffer.concat(leaves)).equals(parent.subarray(at, at + hashSize));
}

/** Reads numbered items in order, with up to `ahead` requests in progress. */
async function* readAhead<Item>(
  count: number,
  ahead: number,
  read: (number: number) => Promise<Item>,
): AsyncGenerator<Item, void> {
  const underWay: Promise<Item>[] = [];
  for (let next = 0; next < count || underWay.length > 0; ) {
    while (next < count && underWay.length < ahead) {
      const reading = read(next++);
      // A consumer that stops early ignores the others.
      reading.catch(() => undefined);
      underWay.push(reading);
    }
    const first = underWay.shift();
    if (first !== undefined) yield await first;
  }
}
