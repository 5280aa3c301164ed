import { auditLogErrors, type LogVerification, recordTypes, retentionClassOf } from '@countersign/contracts';
import {
  createEntryReader,
  type LogFault,
  type LogFaultReason,
  type PlaceRange,
  type PresentedEntry,
} from '@countersign/evidence';
import { parseInstant, sha256Base64Url } from '@countersign/kernel';
import { parseNote, tileWidth } from '@countersign/merkle-log';
import { keyIdText, type LogKeys } from './log-key.ts';
import { mandateOf } from './mandate-column.ts';
import type { Protection } from './protection/protection.ts';
import type { PublicationVerifier } from './publication/verify-publication.ts';
import { logEntry } from './record-json.ts';
import { type CompletedTile, RightEdge } from './right-edge.ts';
import type { StoredStanding } from './store/standings.ts';
import type { KeptValue, VerificationStore } from './store/verification.ts';
import type { IndexedEntry, LogStore, StoredCheckpoint } from './store.ts';

/**
 * Recomputes the log from its entries and compares everything stored or signed beside them, one tile at a time. Entries
 * appended meanwhile are not checked. @param known right edge in memory, compared when its size is reached @returns the
 * first fault, with the index of the entry or of the last one before it
 */
export async function verifyLog(request: {
  readonly store: LogStore;
  readonly besides: VerificationStore;
  readonly protection: Pick<Protection, 'firstBrokenKey'>;
  readonly publication: PublicationVerifier;
  readonly keys: LogKeys;
  readonly known: RightEdge | undefined;
  readonly onProgress: ((done: bigint, of: bigint) => void) | undefined;
}): Promise<LogVerification> {
  const { store, besides, protection, publication, keys, known, onProgress } = request;
  const size = await store.size();
  if (known !== undefined && known.size > size)
    return fault('entry_missing', `The log had ${known.size} entries and has ${size}.`, size);
  const reader = createEntryReader({ leafHashes: (range) => leafHashesOf(store, range) });
  let edge = RightEdge.empty;
  while (edge.size < size) {
    const from = edge.size;
    const want = size - from < BigInt(tileWidth) ? Number(size - from) : tileWidth;
    const entries = await store.range(from, want);
    const checkpoints = await store.checkpoints(from === 0n ? -1n : from, from + BigInt(want));
    for (let offset = 0; offset < want; offset++) {
      const index = from + BigInt(offset);
      const wrong = await entryFault(reader, entries[offset], index);
      if (wrong !== undefined) return wrong;
    }
    const beside =
      (await strayFault(besides, from, want)) ??
      standingFault(entries, await store.standingsBetween(from, from + BigInt(want))) ??
      (await sealedValueFault({ besides, protection, entries: entries.flatMap(withBytes) }));
    if (beside !== undefined) return beside;
    const leafHashes = entries.map(({ leafHash }) => leafHash);
    for (const checkpoint of checkpoints) {
      const at = edge.append(leafHashes.slice(0, Number(checkpoint.size - from))).edge;
      const wrong = await checkpointFault(keys, checkpoint, at);
      if (wrong !== undefined) return wrong;
    }
    const shown = await publication.stretch({
      from: from === 0n ? -1n : from,
      to: from + BigInt(want),
      edgeAt: (at) => edge.append(leafHashes.slice(0, Number(at - from))).edge,
    });
    if (shown !== undefined) return shown;
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
  const [standingBeyond] = await store.standingsBetween(size, maxPlace);
  if (standingBeyond !== undefined)
    return fault('standing_unexpected', `How ${standingBeyond.subject} stands is said by no entry.`, size);
  const shownBeyond = await publication.beyond();
  if (shownBeyond !== undefined) return shownBeyond;
  const value = await besides.strayValue();
  if (value !== undefined)
    return fault(
      'value_unexpected',
      `A value is kept for ${value.path} of ${value.record} that nothing asks for.`,
      size,
    );
  return reader.finish() ?? { ok: true, size, root: edge.root().toString('base64') };
}

const maxPlace = 9_223_372_036_854_775_807n;

function fault(reason: LogFaultReason, detail: string, index: bigint): LogFault {
  return { ok: false, reason, detail, index };
}

/** A tile at a time. */
async function* leafHashesOf(store: LogStore, { first, past }: PlaceRange): AsyncIterable<readonly Buffer[]> {
  for (let place = first; place < past; place += BigInt(tileWidth)) {
    const left = past - place;
    yield await store.leafHashes(place, left < BigInt(tileWidth) ? Number(left) : tileWidth);
  }
}

function withBytes({ index, bytes, recordId }: IndexedEntry) {
  return bytes === undefined ? [] : [{ index, bytes, recordId }];
}

const knownTypes: ReadonlySet<string> = new Set(recordTypes);

async function entryFault(
  reader: { read: (entry: PresentedEntry) => ReturnType<ReturnType<typeof createEntryReader>['read']> },
  entry: IndexedEntry | undefined,
  index: bigint,
): Promise<LogFault | undefined> {
  if (entry?.index !== index) return fault('entry_missing', `There is no entry ${index}.`, index);
  const read = await reader.read(entry);
  if (!read.ok) return read;
  if (entry.bytes === undefined) return undefined;
  const { record } = logEntry({ index, bytes: entry.bytes });
  const shard = knownTypes.has(record.type) ? retentionClassOf(record.type) : undefined;
  const columns = [record.id, record.type, record.transaction ?? null, mandateOf(record) ?? null].join();
  const inShard = entry.class === null || (entry.class === shard && entry.recordedAt === parseInstant(record.time));
  if (inShard && columns === [entry.recordId, entry.type, entry.transaction, entry.mandate].join()) return undefined;
  return fault(
    'column_altered',
    `Entry ${index} would be found under another id, type, transaction, mandate, class or time than its record has.`,
    index,
  );
}

async function strayFault(besides: VerificationStore, first: bigint, count: number): Promise<LogFault | undefined> {
  const stray = await besides.strayBody(first, first + BigInt(count));
  return stray === undefined
    ? undefined
    : fault(
        'body_unexpected',
        `The shard ${stray.class} has a body at ${stray.index} that belongs to no entry.`,
        stray.index,
      );
}

/** Pruned records have nothing to compare. */
function standingFault(entries: readonly IndexedEntry[], stored: readonly StoredStanding[]): LogFault | undefined {
  const line = (subject: string, digest: string | undefined): string => `${subject} ${digest ?? ''}`;
  for (const { index, bytes } of entries) {
    if (bytes === undefined) continue;
    const said = (logEntry({ index, bytes }).record.standing ?? []).map(({ of, digest }) => line(of, digest));
    const kept = stored
      .filter((row) => row.index === index)
      .map(({ subject, digest }) => line(subject, digest?.toString('base64url')));
    if (said.sort().join('\n') !== kept.sort().join('\n'))
      return fault('standing_altered', `How things stand by entry ${index} is not what its record says.`, index);
  }
  return undefined;
}

function tileFault(
  tile: CompletedTile,
  stored: Awaited<ReturnType<LogStore['tile']>>,
  last: bigint,
): LogFault | undefined {
  const place = `${tile.level}/${tile.index}`;
  if (stored === undefined) return fault('tile_missing', `There is no tile ${place}.`, last);
  if (!stored.hashes.equals(tile.hashes) || !stored.root.equals(tile.root))
    return fault('tile_altered', `Tile ${place} does not hold the hashes of the entries below it.`, last);
  return undefined;
}

async function checkpointFault(
  keys: LogKeys,
  checkpoint: StoredCheckpoint,
  at: RightEdge,
): Promise<LogFault | undefined> {
  const last = checkpoint.size - 1n;
  try {
    const { size, root } = await keys.open(checkpoint.note);
    if (size !== checkpoint.size)
      return fault(
        'checkpoint_altered',
        `The note stored as checkpoint of ${checkpoint.size} entries is of ${size}.`,
        last,
      );
    const parsed = parseNote(checkpoint.note);
    if (!parsed.ok || !parsed.note.signatures.some(({ keyId }) => keyIdText({ keyId }) === checkpoint.keyId))
      return fault(
        'checkpoint_altered',
        `The checkpoint of ${size} entries is stored as one of another key than signed it.`,
        last,
      );
    if (!at.root().equals(root))
      return fault('entry_altered', `The first ${size} entries are not those that the log signed.`, last);
    return undefined;
  } catch (error) {
    if (!auditLogErrors.is(error, 'checkpoint_unknown')) throw error;
    return fault(
      'checkpoint_altered',
      `The checkpoint of ${checkpoint.size} entries is not signed by a key of this log.`,
      last,
    );
  }
}

/** A value may be missing only with its key; a value without a commitment is a fault. */
export async function sealedValueFault(request: {
  readonly besides: VerificationStore;
  readonly protection: Pick<Protection, 'firstBrokenKey'>;
  readonly entries: readonly { readonly index: bigint; readonly bytes: Buffer; readonly recordId: string }[];
}): Promise<LogFault | undefined> {
  const { besides, protection, entries } = request;
  const committed = entries.map((entry) => ({ ...entry, commitments: logEntry(entry).record.protected ?? {} }));
  const keys = [...new Set(committed.flatMap(({ commitments }) => Object.values(commitments).map(({ key }) => key)))];
  if (keys.length === 0) return undefined;
  const kept = await besides.valuesOf(
    entries.map(({ recordId }) => recordId),
    keys,
  );
  const states = await besides.erasedKeys(keys);
  const broken = await protection.firstBrokenKey(keys);
  const byPlace = new Map(kept.map((value) => [placeOf(value), value]));
  for (const { index, recordId, commitments } of committed)
    for (const [path, { key, ciphertext }] of Object.entries(commitments)) {
      const place = placeOf({ recordId, path });
      const value = byPlace.get(place);
      byPlace.delete(place);
      const wrong =
        valueFault(value, { key, ciphertext, erased: states.get(key) }) ??
        (key === broken
          ? { reason: 'key_altered', what: `is kept under ${key}, which does not open: it is not what was stored` }
          : undefined);
      if (wrong !== undefined)
        return { ok: false, reason: wrong.reason, detail: `What entry ${index} says at ${path} ${wrong.what}.`, index };
    }
  const [left] = byPlace.values();
  const index = entries.find(({ recordId }) => recordId === left?.recordId)?.index;
  if (left === undefined || index === undefined) return undefined;
  const detail = `A value is kept for ${left.path} of entry ${index}, which does not commit to one.`;
  return { ok: false, reason: 'value_unexpected', detail, index };
}

function valueFault(
  value: KeptValue | undefined,
  {
    key,
    ciphertext,
    erased,
  }: { readonly key: string; readonly ciphertext: string; readonly erased: boolean | undefined },
): { readonly reason: LogFaultReason; readonly what: string } | undefined {
  if (erased === undefined) return { reason: 'key_missing', what: `is kept under ${key}, and there is no such key` };
  if (value === undefined)
    return erased ? undefined : { reason: 'value_missing', what: `is gone, and its key was not destroyed` };
  if (value.key !== key || sha256Base64Url(value.ciphertext) !== ciphertext)
    return { reason: 'value_altered', what: 'is not what is kept beside it' };
  return undefined;
}

function placeOf({ recordId, path }: { readonly recordId: string; readonly path: string }): string {
  return `${recordId}\n${path}`;
}
