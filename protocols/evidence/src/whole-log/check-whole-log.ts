import { Frontier } from '@countersign/merkle-log';
import { createEntryReader } from './entry-reader.ts';
import { createHashList } from './hash-list.ts';
import { type LogFault, logFault, type PresentedEntry, type SoundLog } from './whole-log.ts';

export type WholeLogCheck = LogFault | SoundLog;

const atOnce = 256;

/**
 * Recomputes a log independently of the system that wrote it. @param entries from the first one, in order
 * @param expected head of a checkpoint; later entries are read as well @returns the first fault
 */
export async function checkWholeLog({
  entries,
  expected,
  onProgress,
}: {
  readonly entries: AsyncIterable<PresentedEntry>;
  readonly expected?: { readonly size: bigint; readonly root: Buffer };
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
  const { absent, openStreams } = reader.counts();
  return { ok: true, size: frontier.size, root: frontier.root(), pruned: absent, openStreams };
}
