import { checkServedLog, type ServedLog, type SignedHead } from '@countersign/evidence';
import {
  decodeEntryBundle,
  Frontier,
  hashLeaf,
  hashSize,
  parseVerifierKey,
  type Tile,
  tilePath,
  verifyCheckpoint,
} from '@countersign/merkle-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, drafts, type Rig } from './testing/rig.ts';

/** A log of two processes and several tile levels, served as it is or with changes. */
let rig: Rig;
let log: RunningAuditLog;
let head: SignedHead;
let earlier: SignedHead;
const pruned = { first: 300, last: 309 };

beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  const other = await rig.open();
  for (const one of [log, other]) await Promise.all(drafts(300).map((record) => one.append(record)));
  earlier = headOf(await log.checkpoint());
  const { rows } = await rig.tamper('select leaf_hash from entries where index between $1 and $2 order by index', [
    pruned.first,
    pruned.last,
  ]);
  const root = Frontier.empty.append(rows.map((row: { leaf_hash: Buffer }) => row.leaf_hash)).root();
  await log.append(
    draft({
      type: 'log.pruned',
      source: 'audit-log',
      data: { ranges: [[pruned.first, pruned.last]], count: 10, root: root.toString('base64url') },
    }),
  );
  await Promise.all(drafts(70).map((record) => log.append(record)));
  head = headOf(await log.checkpoint());
});
afterAll(() => rig.close());

function headOf(note: string): SignedHead {
  const key = parseVerifierKey(log.verifierKey());
  const verdict = verifyCheckpoint({ signedNote: note, origin: 'log.example/test', logKeys: key.ok ? [key.key] : [] });
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.checkpoint;
}

type Entries = readonly (Buffer | undefined)[] | undefined;

/** The log with some of its answers changed on the way. */
function served({
  tile: changeTile = (_, bytes) => bytes,
  entries: changeEntries = (_, all) => all,
}: {
  readonly tile?: (tile: Tile, bytes: Buffer | undefined) => Buffer | undefined;
  readonly entries?: (first: number, all: Entries) => Entries;
} = {}): ServedLog {
  return {
    tile: async (tile) => changeTile(tile, await log.tile(tile)),
    async entries(bundle) {
      const bytes = await log.entryBundle(bundle, { gone: 'empty' });
      const read = decodeEntryBundle(bytes ?? Buffer.alloc(0), bundle.width);
      const all = read.ok ? read.entries.map((entry) => (entry.length === 0 ? undefined : entry)) : undefined;
      return changeEntries(Number(bundle.index) * 256, all);
    },
  };
}
const check = (source: ServedLog, held: SignedHead | undefined = earlier) =>
  checkServedLog({ source, head, earlier: held });
const isAt = (place: number, first: number, width = 256) => place >= first && place < first + width;
/** Replaces the entry at one position. */
const entryAt = (place: number, change: (bytes: Buffer | undefined) => Buffer | undefined) => ({
  entries: (first: number, all: Entries): Entries =>
    isAt(place, first) ? all?.map((entry, offset) => (first + offset === place ? change(entry) : entry)) : all,
});
const flipped = (bytes: Buffer | undefined, at: number): Buffer => {
  const copy = Buffer.from(bytes ?? Buffer.alloc(1));
  copy[at] = (copy[at] ?? 0) ^ 0x20;
  return copy;
};
const tileAt = (path: string, change: (bytes: Buffer | undefined) => Buffer | undefined) => ({
  tile: (tile: Tile, bytes: Buffer | undefined) => (tilePath(tile) === path ? change(bytes) : bytes),
});

describe('a log that is recomputed from its served data', () => {
  it('equals the signed tree and extends the earlier one', async () => {
    const seen: bigint[] = [];
    const verdict = await checkServedLog({ source: served(), head, earlier, onProgress: (done) => seen.push(done) });
    expect(verdict).toEqual({
      ok: true,
      size: head.size,
      root: Buffer.from(head.root),
      pruned: 0,
      unread: 0,
      foreign: 0,
      openStreams: 2,
    });
    expect(seen.at(-1)).toBe(head.size);
  });

  it('is complete without the bodies it recorded as pruned, and without no others', async () => {
    const without = (first: number, last: number) =>
      served({
        entries: (from, all) =>
          all?.map((entry, offset) => (isAt(from + offset, first, last - first + 1) ? undefined : entry)),
      });
    expect(await check(without(pruned.first, pruned.last))).toMatchObject({ ok: true, pruned: 10, unread: 0 });
    expect(await check(without(pruned.first, pruned.last + 1))).toMatchObject({ reason: 'body_missing', index: 310n });
  });

  it('is checked by its hashes alone if entries are unavailable, which is counted', async () => {
    expect(await check(served({ entries: () => undefined }))).toMatchObject({
      ok: true,
      pruned: 0,
      unread: Number(head.size),
    });
    // The record of the pruning is read, so ten of this bundle are known to be pruned.
    const some = served({ entries: (first, all) => (first === 256 ? undefined : all) });
    expect(await check(some)).toMatchObject({ ok: true, pruned: 10, unread: 246 });
  });

  it.each<[string, Parameters<typeof served>[0], string, bigint | undefined]>([
    ['an entry that was changed', entryAt(77, (bytes) => flipped(bytes, 200)), 'entry_altered', 77n],
    [
      'an entry at the right edge that was changed',
      entryAt(670, (bytes) => flipped(bytes, 200)),
      'entry_altered',
      670n,
    ],
    [
      'an entry of one byte more',
      entryAt(77, (bytes) => Buffer.concat([bytes ?? Buffer.alloc(0), Buffer.from(' ')])),
      'entry_altered',
      77n,
    ],
    [
      'two entries that have changed places',
      {
        entries: (first, all) => (first === 0 && all ? [...all.slice(0, 60), all[61], all[60], ...all.slice(62)] : all),
      },
      'entry_altered',
      60n,
    ],
    [
      'an entry that is left out',
      { entries: (first, all) => (first === 0 ? all?.filter((_, at) => at !== 50) : all) },
      'entry_missing',
      0n,
    ],
    ['a hash that was changed', tileAt('tile/0/001', (bytes) => flipped(bytes, 33)), 'tile_altered', 257n],
    [
      'a hash at the right edge that was changed',
      { tile: (tile, bytes) => (tile.level === 0 && tile.index === 2n ? flipped(bytes, 33) : bytes) },
      'tile_altered',
      513n,
    ],
    [
      'a hash above that was changed',
      { tile: (tile, bytes) => (tile.level === 1 ? flipped(bytes, 0) : bytes) },
      'tile_altered',
      undefined,
    ],
    ['a tile that is not there', tileAt('tile/0/001', () => undefined), 'tile_missing', 256n],
    ['a tile that was cut', tileAt('tile/0/001', (bytes) => bytes?.subarray(0, 100)), 'tile_altered', 256n],
    [
      'a tile that was lengthened',
      tileAt('tile/0/001', (bytes) => Buffer.concat([bytes ?? Buffer.alloc(0), Buffer.alloc(hashSize)])),
      'tile_altered',
      256n,
    ],
  ])('reports %s', async (_, change, reason, index) => {
    const verdict = await check(served(change));
    expect(verdict).toMatchObject({ ok: false, reason, ...(index === undefined ? {} : { index }) });
  });

  it('reports a rewritten tail, entries and hashes alike, by the signed root', async () => {
    const last = Number(head.size) - 1;
    const rewritten = Buffer.from('{"v":1,"time":"2026-11-21T09:30:00.000Z","type":"access.refused"}');
    const source = served({
      ...entryAt(last, () => rewritten),
      tile: (tile, bytes) =>
        tile.level === 0 && tile.index === 2n
          ? Buffer.concat([bytes?.subarray(0, -hashSize) ?? Buffer.alloc(0), hashLeaf(rewritten)])
          : bytes,
    });
    expect(await check(source, undefined)).toMatchObject({ reason: 'root_differs', index: BigInt(last) });
  });

  it('reports a checkpoint older than one shown before, and a different history', async () => {
    expect(await checkServedLog({ source: served(), head: earlier, earlier: head })).toMatchObject({
      reason: 'checkpoint_stale',
    });
    for (const size of [1n, 256n, earlier.size, head.size])
      expect(await check(served(), { size, root: Buffer.alloc(32, 7) }), String(size)).toMatchObject({
        reason: 'history_forked',
        index: size - 1n,
      });
    const empty = { size: 0n, root: Frontier.empty.root() };
    expect(await check(served(), empty)).toMatchObject({ ok: true });
    expect(await checkServedLog({ source: served(), head: empty, earlier: empty })).toMatchObject({
      ok: true,
      size: 0n,
    });
    expect(await checkServedLog({ source: served(), head: { ...empty, root: Buffer.alloc(32) } })).toMatchObject({
      reason: 'root_differs',
    });
  });

  it('passes on the error that prevents loading its parts', async () => {
    const source: ServedLog = { ...served(), tile: () => Promise.reject(new Error('gone away')) };
    await expect(check(source)).rejects.toThrow('gone away');
  });
});
