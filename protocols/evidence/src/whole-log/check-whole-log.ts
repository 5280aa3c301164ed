import type { Json } from '@countersign/kernel';
import { Frontier, hashSize } from '@countersign/merkle-log';
import type { PlaceRange } from './absences.ts';
import { createEntryReader } from './entry-reader.ts';
import { type LogFault, logFault, type PresentedEntry } from './whole-log.ts';

/** What a log turned out to be. */
export type WholeLogCheck =
  | LogFault
  | {
      readonly ok: true;
      readonly size: bigint;
      readonly root: Buffer;
      /** Entries of which only the hash is there, as the log said beforehand. */
      readonly pruned: number;
      /** Numbers that no beat has settled yet, and streams that were not closed: of a log that runs, or of a process that was killed. */
      readonly unsettled: { readonly numbers: number; readonly streams: number };
    };

/** Entries that are hashed into the tree in one go. */
const atOnce = 256;

/**
 * Recomputes a whole log from its entries, without the system that wrote it: places, hashes, records, times, numbers of
 * the streams, what was pruned, and the root.
 *
 * @param entries from the first one on, in their order
 * @param expected what a checkpoint says; entries behind its size are read as well
 * @param onEntry is given each record with its place
 * @returns the first fault
 */
export async function checkWholeLog({
  entries,
  expected,
  onEntry,
  onProgress,
}: {
  readonly entries: AsyncIterable<PresentedEntry>;
  readonly expected?: { readonly size: bigint; readonly root: Buffer };
  readonly onEntry?: (index: bigint, record: Readonly<Record<string, Json>> | undefined) => void;
  readonly onProgress?: (done: bigint) => void;
}): Promise<WholeLogCheck> {
  const hashes = createHashList();
  const reader = createEntryReader({ leafHashes: hashes.of });
  let frontier = Frontier.empty;
  let rootAtExpected = expected?.size === 0n ? frontier.root() : undefined;
  let fresh: Buffer[] = [];
  const grow = (): void => {
    frontier = frontier.append(fresh);
    fresh = [];
    if (frontier.size === expected?.size) rootAtExpected = frontier.root();
  };

  for await (const entry of entries) {
    const read = await reader.read(entry);
    if (!read.ok) return read;
    onEntry?.(entry.index, read.record);
    hashes.add(read.leafHash);
    fresh.push(read.leafHash);
    if (fresh.length < atOnce && frontier.size + BigInt(fresh.length) !== expected?.size) continue;
    grow();
    onProgress?.(frontier.size);
  }
  grow();
  const wrong = reader.finish();
  if (wrong !== undefined) return wrong;
  if (expected !== undefined && frontier.size < expected.size)
    return logFault('entry_missing', `There are ${frontier.size} entries of ${expected.size}.`, frontier.size);
  if (expected !== undefined && rootAtExpected?.equals(expected.root) !== true)
    return logFault(
      'entry_altered',
      `The first ${expected.size} entries are not those that the log signed.`,
      expected.size - 1n,
    );
  const { absent, unsettled } = reader.counts();
  return { ok: true, size: frontier.size, root: frontier.root(), pruned: absent, unsettled };
}

/** Leaf hashes by place: 32 bytes each, so that ten million are 320 MB at most, and only as many as there are. */
export function createHashList() {
  const blockHashes = 65_536;
  const blocks: Buffer[] = [];
  let count = 0;
  return {
    add(hash: Buffer): void {
      const position = count % blockHashes;
      if (position === 0) blocks.push(Buffer.allocUnsafe(blockHashes * hashSize));
      blocks.at(-1)?.set(hash, position * hashSize);
      count++;
    },
    async *of({ first, past }: PlaceRange): AsyncIterable<readonly Buffer[]> {
      for (let place = Number(first); place < Number(past) && place < count; ) {
        const from = place % blockHashes;
        const to = Math.min(blockHashes, from + atOnce, from + Number(past) - place, from + count - place);
        const block = blocks[Math.floor(place / blockHashes)] ?? Buffer.alloc(0);
        yield Array.from({ length: to - from }, (_, offset) =>
          block.subarray((from + offset) * hashSize, (from + offset + 1) * hashSize),
        );
        place += to - from;
      }
    },
  };
}
