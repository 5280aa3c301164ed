import type { LogVerification } from '@countersign/contracts';
import { isCodedError, parseJson } from '@countersign/kernel';
import { hashLeaf, tileWidth } from '@countersign/merkle-log';
import type { LogKeys } from './log-key.ts';
import { mandateOf } from './mandate-column.ts';
import { logEntry, timeOf } from './record-json.ts';
import { type CompletedTile, RightEdge } from './right-edge.ts';
import type { IndexedEntry, LogStore, StoredCheckpoint } from './store.ts';

type Fault = Extract<LogVerification, { ok: false }>;

/**
 * Recomputes the log from its entries and compares everything that is stored or was signed beside them: leaf
 * hashes, the columns by which entries are found, tiles, and the root of every checkpoint. One tile's entries are
 * in memory at a time. Entries appended meanwhile are left for the next time.
 *
 * @param known the right edge in memory: its root is compared when the recomputed tree reaches its size
 * @returns the first fault, with the index of the entry at fault or of the last one before it
 */
export async function verifyLog({
  store,
  keys,
  known,
  onProgress,
}: {
  readonly store: LogStore;
  readonly keys: LogKeys;
  readonly known: RightEdge | undefined;
  readonly onProgress: ((done: bigint, of: bigint) => void) | undefined;
}): Promise<LogVerification> {
  const size = await store.size();
  if (known !== undefined && known.size > size)
    return fault('entry_missing', `The log had ${known.size} entries and has ${size}.`, size);
  let edge = RightEdge.empty;
  let lastTime = '';
  while (edge.size < size) {
    const from = edge.size;
    const want = size - from < BigInt(tileWidth) ? Number(size - from) : tileWidth;
    const entries = await store.range(from, want);
    const checkpoints = await store.checkpoints(from === 0n ? -1n : from, from + BigInt(want));
    for (let offset = 0; offset < want; offset++) {
      const index = from + BigInt(offset);
      const entry = entries[offset];
      const wrong = entry === undefined ? missing(index) : entryFault(entry, index, lastTime);
      if (wrong !== undefined || entry === undefined) return wrong ?? missing(index);
      lastTime = timeOf(entry.bytes) ?? lastTime;
    }
    const leafHashes = entries.map(({ leafHash }) => leafHash);
    for (const checkpoint of checkpoints) {
      const at = edge.append(leafHashes.slice(0, Number(checkpoint.size - from))).edge;
      const wrong = await checkpointFault(keys, checkpoint, at);
      if (wrong !== undefined) return wrong;
    }
    if (known !== undefined && known.size >= from && known.size <= from + BigInt(want)) {
      const at = edge.append(leafHashes.slice(0, Number(known.size - from))).edge;
      if (!at.root().equals(known.root()))
        return fault('entry_altered', 'The entries are not those that this process appended.', known.size - 1n);
    }
    const grown = edge.append(leafHashes);
    for (const tile of grown.tiles) {
      const wrong = tileFault(tile, await store.tile(tile.level, tile.index), grown.edge.size - 1n);
      if (wrong !== undefined) return wrong;
    }
    edge = grown.edge;
    onProgress?.(edge.size, size);
  }
  const beyond = await store.beyondTheEnd();
  if (beyond !== undefined)
    return fault(
      `${beyond.kind}_unexpected`,
      `There is a ${beyond.kind} ${beyond.place}, and not as many entries: the end of the log is gone.`,
      size,
    );
  return { ok: true, size, root: edge.root().toString('base64') };
}

function fault(reason: string, detail: string, index: bigint): Fault {
  return { ok: false, reason, detail, index };
}

function missing(index: bigint): Fault {
  return fault('entry_missing', `There is no entry ${index}.`, index);
}

function entryFault(entry: IndexedEntry, index: bigint, lastTime: string): Fault | undefined {
  if (entry.index !== index) return missing(index);
  if (!hashLeaf(entry.bytes).equals(entry.leafHash))
    return fault('entry_altered', `Entry ${index} does not have the hash stored with it.`, index);
  const time = timeOf(entry.bytes);
  if (time === undefined || !parseJson(entry.bytes.toString(), { uniqueKeys: true }).ok)
    return fault('entry_altered', `Entry ${index} is not a record.`, index);
  // RFC 3339 in UTC with milliseconds, always of one length: the order of the text is the order of time.
  if (time < lastTime) return fault('time_reversed', `Entry ${index} is older than the one before it.`, index);
  const { record } = logEntry(entry);
  const columns = [record.id, record.type, record.transaction ?? null, mandateOf(record) ?? null];
  if (columns.join() !== [entry.recordId, entry.type, entry.transaction, entry.mandate].join())
    return fault(
      'column_altered',
      `Entry ${index} would be found under another id, type, transaction or mandate than its record has.`,
      index,
    );
  return undefined;
}

function tileFault(
  tile: CompletedTile,
  stored: Awaited<ReturnType<LogStore['tile']>>,
  last: bigint,
): Fault | undefined {
  const place = `${tile.level}/${tile.index}`;
  if (stored === undefined) return fault('tile_missing', `There is no tile ${place}.`, last);
  if (!stored.hashes.equals(tile.hashes) || !stored.root.equals(tile.root))
    return fault('tile_altered', `Tile ${place} does not hold the hashes of the entries below it.`, last);
  return undefined;
}

async function checkpointFault(keys: LogKeys, checkpoint: StoredCheckpoint, at: RightEdge): Promise<Fault | undefined> {
  const last = checkpoint.size - 1n;
  try {
    const { size, root } = await keys.open(checkpoint.note);
    if (size !== checkpoint.size)
      return fault(
        'checkpoint_altered',
        `The note stored as checkpoint of ${checkpoint.size} entries is of ${size}.`,
        last,
      );
    if (!at.root().equals(root))
      return fault('entry_altered', `The first ${size} entries are not those that the log signed.`, last);
    return undefined;
  } catch (error) {
    if (!isCodedError(error, 'checkpoint_unknown')) throw error;
    return fault(
      'checkpoint_altered',
      `The checkpoint of ${checkpoint.size} entries is not signed by a key of this log.`,
      last,
    );
  }
}
