import type { BundledTimeStamp } from '@countersign/evidence';
import { membersOf } from '@countersign/kernel';
import { parseTreeSize, type VerifierKey, verifyCheckpoint } from '@countersign/merkle-log';
import { logEntry } from './record-json.ts';
import type { LogStore } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/** Time stamps over business records lie between those over checkpoints, so several pages are searched. */
const pages = 20;
const page = 100;

/** Over the first checkpoint that covers the first record, and over the first that covers all of them. */
export async function stampsOver(
  { first, last }: { readonly first: bigint; readonly last: bigint },
  head: { readonly size: bigint; readonly key: VerifierKey },
  { store, tree }: { readonly store: LogStore; readonly tree: TreeReader },
): Promise<readonly BundledTimeStamp[]> {
  const stamps = [
    await stampBehind(first, head, store),
    ...(first === last ? [] : [await stampBehind(last, head, store)]),
  ];
  const different = new Map(stamps.flatMap((stamp) => (stamp === undefined ? [] : [[stamp.token, stamp] as const])));
  return Promise.all(
    [...different.values()].map(async ({ size, checkpoint, token }) => ({
      checkpoint,
      token,
      proof: (await tree.proveConsistency(size, head.size)).map((hash) => hash.toString('base64url')),
    })),
  );
}

interface Stamp {
  readonly size: bigint;
  readonly checkpoint: string;
  readonly token: string;
}

/** A time stamp is recorded after the checkpoint it covers. */
async function stampBehind(
  index: bigint,
  head: { readonly size: bigint; readonly key: VerifierKey },
  store: LogStore,
): Promise<Stamp | undefined> {
  let after = index;
  for (let turn = 0; turn < pages; turn++) {
    const found = await store.search({ types: ['timestamp.obtained'], after, limit: page });
    for (const entry of found) {
      const stamp = readStamp(logEntry(entry).record.data, head.key);
      if (stamp !== undefined && stamp.size > index && stamp.size <= head.size) return stamp;
    }
    const last = found.at(-1);
    if (last === undefined || found.length < page) return undefined;
    after = last.index;
  }
  return undefined;
}

/** Skips checkpoints signed by an earlier key: the reader of the bundle could not verify them. */
function readStamp(data: Parameters<typeof membersOf>[0], key: VerifierKey): Stamp | undefined {
  const members = membersOf(data);
  const thing = membersOf(members?.['thing']);
  const token = members?.['token'];
  const checkpoint = thing?.['checkpoint'];
  const size = typeof thing?.['size'] === 'string' ? parseTreeSize(thing['size']) : undefined;
  if (typeof token !== 'string' || typeof checkpoint !== 'string' || size === undefined) return undefined;
  const opened = verifyCheckpoint({ signedNote: checkpoint, origin: key.name, logKeys: [key] });
  return opened.ok && opened.checkpoint.size === size ? { size, checkpoint, token } : undefined;
}
