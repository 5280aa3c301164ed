import { setImmediate as turnOfOthers } from 'node:timers/promises';
import type { RecordPage } from '@countersign/contracts';
import { bytesBesideText, decipherBytes, placeOf, saltBytes } from '../protection/value-cipher.ts';
import type { BulkReader } from '../store/bulk-reader.ts';
import { CopyBuffer } from '../store/copy-out.ts';
import type { ValueName } from '../store/protected-values.ts';
import type { LentKeyRing } from './keeper-client.ts';
import { createPageBytes, withTexts } from './page-bytes.ts';
import { isKeyId, readCommitments, readLeaf, type WantedValues } from './protected-leaf.ts';
import type { AskedOfKeeper, StreamTask, UnopenedRecord } from './thread-messages.ts';

/** The first page is smaller: the size of the records is still unknown. */
const maxRecords = 500;
const firstRecords = 100;
const fewestRecords = 16;
/** Approximate size of a page. */
const pageBytes = 4_000_000;
/** Places searched at once where bodies have been pruned. */
const strideOverPruned = 20_000;
/** Then other work of the thread has its turn. */
const openedInOneTurn = 64;
/** Opened by the thread that serves requests. */
const handedOverAtOnce = 32;

interface ReadPage {
  readonly bodies: readonly Buffer[];
  /** In the order of the records, then of the requested paths. */
  readonly values: readonly ReadValue[];
}

interface ReadValue extends ValueName {
  readonly place: number;
  readonly wanted: number;
  readonly commitment: string;
  /** Undefined if the key is not available. */
  bytesOfKey: Uint8Array | undefined;
  ciphertext: Buffer | undefined;
}

export interface PageReader {
  /** The next page with encrypted values; undefined at the end. Calls must not overlap. */
  read(): Promise<ReadPage | undefined>;
  open(read: ReadPage): Promise<RecordPage>;
}

export function createPageReader(
  dependencies: Pick<StreamTask, 'stretch' | 'values'> & {
    readonly reader: Pick<BulkReader, 'records' | 'values'>;
    readonly keys: LentKeyRing;
    readonly keeper: Pick<AskedOfKeeper, 'open'>;
  },
): PageReader {
  const { reader, keys, keeper, stretch, values: asked } = dependencies;
  const wanted: WantedValues = new Map(asked.map((path, number) => [path, number]));
  const pieces = asked.length + 1;
  const { types, before } = stretch;
  let after: bigint | undefined = stretch.after;
  let limit = firstRecords;
  // Two buffers: a page is read while the one before is opened.
  let memory = { records: new CopyBuffer(), values: new CopyBuffer() };
  let other = { records: new CopyBuffer(), values: new CopyBuffer() };
  let overPruned = false;

  async function nextRecords(): Promise<readonly Buffer[]> {
    while (after !== undefined) {
      const stride = overPruned ? strideOverPruned : limit;
      const { records, next } = await reader.records({ types, after, before, limit, stride }, memory.records);
      after = next;
      overPruned = records.length < limit;
      if (records.length > 0) return records.map(({ bytes }) => bytes);
    }
    return [];
  }

  function valuesIn(bodies: readonly Buffer[]): readonly ReadValue[] {
    const values: ReadValue[] = [];
    if (asked.length === 0) return values;
    for (const [place, bytes] of bodies.entries()) {
      const leaf = readLeaf(bytes, wanted);
      if (leaf === undefined) continue;
      for (const { wanted: number, key, commitment } of leaf.values)
        values.push({
          key,
          record: leaf.id,
          path: asked[number] ?? '',
          place,
          wanted: number,
          commitment,
          bytesOfKey: undefined,
          ciphertext: undefined,
        });
    }
    return values;
  }

  async function findCiphertexts(values: readonly ReadValue[]): Promise<void> {
    const ids = new Set<string>();
    for (const { key } of values) if (isKeyId(key)) ids.add(key);
    await keys.fetch(ids);
    const openable: ReadValue[] = [];
    for (const value of values) {
      value.bytesOfKey = keys.get(value.key);
      if (value.bytesOfKey !== undefined) openable.push(value);
    }
    if (openable.length === 0) return;
    for (const { number, bytes } of await reader.values(openable, memory.values)) {
      const value = openable[number];
      if (value === undefined) throw new Error('the database returned a value that was not requested');
      value.ciphertext = bytes;
    }
  }

  /** The keeper tells why a value cannot be opened. @returns texts by place in the page */
  async function openByKeeper(
    { bodies }: ReadPage,
    unopened: readonly ReadValue[],
  ): Promise<ReadonlyMap<number, Uint8Array>> {
    const texts = new Map<number, Uint8Array>();
    const records = new Map<number, ReadValue[]>();
    for (const value of unopened) records.set(value.place, [...(records.get(value.place) ?? []), value]);
    const places = [...records.keys()];
    for (let start = 0; start < places.length; start += handedOverAtOnce) {
      const handedOver = places.slice(start, start + handedOverAtOnce).flatMap((place) => {
        const missing = new Map(records.get(place)?.map(({ path, wanted: number }) => [path, number]));
        const commitments = readCommitments(bodies[place] ?? nothing, missing);
        return commitments === undefined ? [] : [{ place, commitments }];
      });
      const opened = await keeper.open(handedOver.map(({ commitments }): UnopenedRecord => commitments));
      for (const [at, { place }] of handedOver.entries())
        for (const [path, text] of opened[at] ?? []) {
          const number = wanted.get(path);
          if (number !== undefined) texts.set(place * pieces + 1 + number, Buffer.from(text));
        }
    }
    return texts;
  }

  return {
    async read() {
      [memory, other] = [other, memory];
      const bodies = await nextRecords();
      if (bodies.length === 0) return undefined;
      const values = valuesIn(bodies);
      await findCiphertexts(values);
      let bytes = 0;
      for (const { length } of bodies) bytes += length;
      for (const { ciphertext } of values) bytes += ciphertext?.length ?? 0;
      limit = Math.min(maxRecords, Math.max(fewestRecords, Math.floor((pageBytes * bodies.length) / bytes)));
      return { bodies, values };
    },

    async open(read) {
      const { bodies, values } = read;
      let most = 0;
      for (const { length } of bodies) most += length;
      for (const { ciphertext } of values) most += Math.max(0, (ciphertext?.length ?? 0) - bytesBesideText);
      const page = createPageBytes(bodies.length * pieces, most);
      const unopened: ReadValue[] = [];
      let next = 0;
      for (const [place, bytes] of bodies.entries()) {
        page.write(bytes);
        for (let number = 0; number < asked.length; number++) {
          const value = values[next];
          if (value?.place !== place || value.wanted !== number) {
            page.skip();
            continue;
          }
          next++;
          const plain = plainOf(value);
          if (plain === undefined) {
            page.skip();
            unopened.push(value);
          } else page.write(plain, saltBytes);
        }
        if (place % openedInOneTurn === openedInOneTurn - 1) await turnOfOthers();
      }
      const opened = page.page(bodies.length);
      if (unopened.length === 0) return opened;
      const texts = await openByKeeper(read, unopened);
      return texts.size === 0 ? opened : withTexts(opened, texts);
    },
  };
}

function plainOf({ record, path, commitment, bytesOfKey, ciphertext }: ReadValue): Buffer | undefined {
  if (bytesOfKey === undefined || ciphertext === undefined) return undefined;
  // Ids and paths have one byte per character.
  return decipherBytes(bytesOfKey, Buffer.from(placeOf(record, path), 'latin1'), commitment, ciphertext);
}

const nothing = Buffer.alloc(0);
