import { auditLogErrors } from '@countersign/contracts';
import type { BundledTimeStamp } from '@countersign/evidence';
import { membersOf } from '@countersign/kernel';
import { parseTreeSize } from '@countersign/merkle-log';
import type { LogKeys } from './log-key.ts';
import { logEntry } from './record-json.ts';
import type { LogStore } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/** Time stamps over business records lie between those over checkpoints, so several pages are searched. */
const pages = 20;
const page = 100;

/** Over the first checkpoint that covers the first record, and over the first that covers all of them. */
export async function stampsOver(
  { first, last }: { readonly first: bigint; readonly last: bigint },
  head: { readonly size: bigint },
  { store, tree, keys }: { readonly store: LogStore; readonly tree: TreeReader; readonly keys: Pick<LogKeys, 'open'> },
): Promise<readonly BundledTimeStamp[]> {
  const stamps = [
    await stampBehind(first, head, { store, keys }),
    ...(first === last ? [] : [await stampBehind(last, head, { store, keys })]),
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
  head: { readonly size: bigint },
  { store, keys }: { readonly store: LogStore; readonly keys: Pick<LogKeys, 'open'> },
): Promise<Stamp | undefined> {
  let after = index;
  for (let turn = 0; turn < pages; turn++) {
    const found = await store.search({ types: ['timestamp.obtained'], after, limit: page });
    for (const entry of found) {
      const stamp = await readStamp(logEntry(entry).record.data, keys);
      if (stamp !== undefined && stamp.size > index && stamp.size <= head.size) return stamp;
    }
    const last = found.at(-1);
    if (last === undefined || found.length < page) return undefined;
    after = last.index;
  }
  return undefined;
}

/** Skips checkpoints that no key of the log signed: the reader of the bundle could not verify them. */
async function readStamp(
  data: Parameters<typeof membersOf>[0],
  keys: Pick<LogKeys, 'open'>,
): Promise<Stamp | undefined> {
  const members = membersOf(data);
  const thing = membersOf(members?.['thing']);
  const token = members?.['token'];
  const checkpoint = thing?.['checkpoint'];
  const size = typeof thing?.['size'] === 'string' ? parseTreeSize(thing['size']) : undefined;
  if (typeof token !== 'string' || typeof checkpoint !== 'string' || size === undefined) return undefined;
  try {
    return (await keys.open(checkpoint)).size === size ? { size, checkpoint, token } : undefined;
  } catch (error) {
    if (!auditLogErrors.is(error, 'checkpoint_unknown')) throw error;
    return undefined;
  }
}
