import { checkWholeLog, type PresentedEntry } from '@countersign/evidence';
import { decodeEntryBundle, Frontier, hashLeaf, parseVerifierKey, verifyCheckpoint } from '@countersign/merkle-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRig, draft, drafts, type Rig } from './testing/rig.ts';

/** A log of two processes, one of which has stopped, as anyone has it who has copied its entries. */
let rig: Rig;
let entries: readonly PresentedEntry[];
let expected: { readonly size: bigint; readonly root: Buffer };

beforeAll(async () => {
  rig = await createRig();
  const log = await rig.open();
  const other = await rig.open();
  for (const one of [log, other]) await Promise.all(drafts(150).map((record) => one.append(record)));
  await other.stop();
  await log.append(
    draft({
      type: 'log.pruned',
      source: 'audit-log',
      data: { ranges: [[10, 19]], count: 10, root: (await rootOf(10, 19)).toString('base64url') },
    }),
  );
  const key = parseVerifierKey(log.verifierKey());
  if (!key.ok) throw new Error(key.reason);
  const opened = verifyCheckpoint({
    signedNote: await log.checkpoint(),
    origin: 'log.example/test',
    logKeys: [key.key],
  });
  if (!opened.ok) throw new Error(opened.reason);
  expected = { size: opened.checkpoint.size, root: Buffer.from(opened.checkpoint.root) };
  const copied: Buffer[] = [];
  for (let index = 0n; index * 256n < expected.size; index++) {
    const width = Math.min(256, Number(expected.size - index * 256n));
    const bundle = decodeEntryBundle((await log.entryBundle({ index, width })) ?? Buffer.alloc(0), width);
    if (!bundle.ok) throw new Error(bundle.reason);
    copied.push(...bundle.entries.map((entry) => Buffer.from(entry)));
  }
  entries = copied.map((bytes, index) => ({ index: BigInt(index), bytes }));
});
afterAll(() => rig.close());

async function rootOf(first: number, last: number): Promise<Buffer> {
  const { rows } = await rig.tamper('select leaf_hash from entries where index between $1 and $2 order by index', [
    first,
    last,
  ]);
  return Frontier.empty.append(rows.map((row: { leaf_hash: Buffer }) => row.leaf_hash)).root();
}

type Alter = (all: readonly PresentedEntry[]) => readonly PresentedEntry[];

async function check(alter: Alter = (all) => all, signed: typeof expected | undefined = expected) {
  return checkWholeLog({
    entries: (async function* () {
      yield* alter(entries);
    })(),
    ...(signed === undefined ? {} : { expected: signed }),
  });
}

const renumbered = (all: readonly PresentedEntry[]) => all.map((entry, index) => ({ ...entry, index: BigInt(index) }));
const at = (place: number, change: (text: string) => string) => (all: readonly PresentedEntry[]) =>
  all.map((entry) =>
    entry.index === BigInt(place) ? { ...entry, bytes: Buffer.from(change(entry.bytes?.toString() ?? '')) } : entry,
  );
const absent = (first: number, last: number) => (all: readonly PresentedEntry[]) =>
  all.map(({ index, bytes }) =>
    index >= BigInt(first) && index <= BigInt(last)
      ? { index, bytes: undefined, leafHash: hashLeaf(bytes ?? Buffer.alloc(0)) }
      : { index, bytes },
  );

describe('a complete log, checked without the system that wrote it', () => {
  it('is what its checkpoint says, and reports the streams that were not closed', async () => {
    expect(await check()).toEqual({
      ok: true,
      ...expected,
      pruned: 0,
      openStreams: 1,
    });
  });

  it('is checked up to the checkpoint, and to its end', async () => {
    const size = 100n;
    const root = Frontier.empty
      .append(entries.slice(0, 100).map(({ bytes }) => hashLeaf(bytes ?? Buffer.alloc(0))))
      .root();
    expect(await check(undefined, { size, root })).toMatchObject({ ok: true, size: expected.size });
    expect(await check((all) => all.slice(0, 99), { size, root })).toMatchObject({
      reason: 'entry_missing',
      index: 99n,
    });
  });

  it('is complete without the bodies it recorded as pruned', async () => {
    expect(await check(absent(10, 19))).toMatchObject({ ok: true, pruned: 10 });
    expect(await check(absent(12, 15))).toMatchObject({ ok: true, pruned: 4 });
  });

  it.each<[string, Alter, string, bigint | undefined]>([
    [
      'a byte that was changed',
      at(77, (text) => text.replace('"outcome":"deny"', '"outcome":"done"')),
      'entry_altered',
      undefined,
    ],
    ['an entry that is left out', (all) => all.filter(({ index }) => index !== 50n), 'entry_missing', 50n],
    [
      'an entry that is left out, the others moved up',
      (all) => renumbered(all.filter(({ index }) => index !== 50n)),
      'number_missing',
      50n,
    ],
    [
      'two entries that have changed places',
      (all) => renumbered([...all.slice(0, 60), ...all.slice(61, 62), ...all.slice(60, 61), ...all.slice(62)]),
      'number_missing',
      60n,
    ],
    [
      'an entry that is there twice',
      (all) => renumbered([...all.slice(0, 61), ...all.slice(60)]),
      'number_repeated',
      61n,
    ],
    ['a tail that is gone', (all) => all.slice(0, -1), 'entry_missing', undefined],
    ['a body that is gone without a word', absent(40, 40), 'body_missing', 40n],
    ['bodies beside those that the log lets go', absent(10, 20), 'body_missing', 20n],
    ['a duplicate key', at(33, (text) => text.replace(/\}$/, ',"outcome":"deny"}')), 'entry_altered', 33n],
    ['a record without its stream', at(33, (text) => text.replace(/"stream":"[^"]+",/, '')), 'entry_altered', 33n],
    [
      'a time that goes back',
      at(33, (text) => text.replace('2026-11-21T09:30', '2026-11-21T09:29')),
      'time_reversed',
      33n,
    ],
    ['something that is not JSON', at(33, () => 'x'), 'entry_altered', 33n],
  ])('reports %s', async (_, alter, reason, index) => {
    const verdict = await check(alter);
    expect(verdict).toMatchObject({ ok: false, reason, ...(index === undefined ? {} : { index }) });
  });

  it('reports a missing record even if no checkpoint covers it, because its stream counted it', async () => {
    // A record of the process that stopped, whose last record states its count.
    const verdict = await check((all) => renumbered(all.filter(({ index }) => index !== 200n)), undefined);
    expect(verdict).toMatchObject({ ok: false, reason: 'number_missing' });
  });

  it('reports a pruning list that differs from the recorded one', async () => {
    const place = Number(expected.size) - 1;
    for (const change of [
      (text: string) => text.replace('[[10,19]]', '[[10,18]]'),
      (text: string) => text.replace('[[10,19]]', '[[19,10]]'),
      (text: string) => text.replace('[[10,19]]', `[[10,${place + 5}]]`),
    ])
      expect(await check(at(place, change), undefined)).toMatchObject({
        reason: 'pruning_altered',
        index: BigInt(place),
      });
  });
});
