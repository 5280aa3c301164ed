import type { EvidenceRecord, RecordScanner, RecordType } from '@countersign/contracts';

export interface Slice<Item> {
  readonly items: readonly Item[];
  readonly last: bigint | undefined;
  readonly full: boolean;
}

export interface SliceQuery {
  readonly types: readonly RecordType[];
  readonly after: bigint;
  readonly size: number;
  /** The newest place when last read; readers with the same value share a reading. */
  readonly newest?: bigint;
}

/** Records read at once, so that other parties' events cost a bounded time. */
export const sliceSize = 500;
/** The caller then continues from the new position. */
export const slicesPerPage = 8;

/** Most followers wait at the same place and wake up together, so they share one reading. */
export function createSlices<Item>(dependencies: {
  readonly log: Pick<RecordScanner, 'scan'>;
  readonly read: (record: EvidenceRecord, index: bigint) => readonly Item[] | Promise<readonly Item[]>;
}): (query: SliceQuery) => Promise<Slice<Item>> {
  const { log, read } = dependencies;
  const underWay = new Map<string, Promise<Slice<Item>>>();

  async function readSlice({ types, after, size }: SliceQuery): Promise<Slice<Item>> {
    const entries = await log.scan({ types, after, limit: size });
    const items: Item[] = [];
    for (const { index, text } of entries) {
      // The log alone writes this text.
      const record = JSON.parse(text) as EvidenceRecord;
      items.push(...(await read(record, index)));
    }
    return { items, last: entries.at(-1)?.index, full: entries.length === size };
  }

  return (query) => {
    const { types, after, size, newest } = query;
    if (newest === undefined) return readSlice(query);
    const key = `${[...types].sort().join()} ${after} ${size} ${newest}`;
    const present = underWay.get(key);
    if (present !== undefined) return present;
    const slice = readSlice(query).finally(() => underWay.delete(key));
    underWay.set(key, slice);
    return slice;
  };
}
