import type { RetentionClass } from '@countersign/contracts';
import type { SealedValue } from '../protection/protection.ts';
import type { CompletedTile } from '../right-edge.ts';
import type { Queryable } from './queryable.ts';

/** Entries that take the places from `first` on. */
export interface EntryBatch {
  readonly first: bigint;
  /** Milliseconds since the epoch: all of a batch have one time. */
  readonly recordedAt: number;
  readonly entries: readonly {
    readonly recordId: string;
    readonly type: string;
    readonly class: RetentionClass;
    readonly transaction: string | undefined;
    readonly mandate: string | undefined;
    readonly leafHash: Buffer;
    readonly bytes: Buffer;
    /** What is kept beside it. */
    readonly sealed: readonly SealedValue[];
  }[];
  readonly tiles: readonly CompletedTile[];
}

/** Advisory lock of the log: held shared while appending, alone while finding the way back after a conflict. */
const turn = '7163058014938236711';

/** What the sequencer writes. */
export function appendStore(database: Queryable) {
  return {
    /** Waits until every append under way has ended, and keeps others out until the transaction ends. */
    async takeTurn(): Promise<void> {
      await database.query(`select pg_advisory_xact_lock(${turn})`);
    },

    /**
     * Inserts entries with their bodies and sealed values, and the tiles they complete, in one statement: one round trip,
     * all or nothing.
     *
     * Buffers travel in binary and are cut up by the server; arrays of them would travel as escaped hexadecimal.
     */
    async insert(batch: EntryBatch): Promise<void> {
      const { first, recordedAt, entries, tiles } = batch;
      const sealed = sealedColumns(batch);
      await database.query({
        name: sealed === undefined ? 'audit-log-append' : 'audit-log-append-sealed',
        text: sealed === undefined ? insertOpen : insertSealed,
        values: [
          first.toString(),
          entries.map(({ recordId }) => recordId).join(),
          entries.map(({ type }) => type).join(),
          entries.map(({ transaction }) => transaction).join(),
          entries.map(({ mandate }) => mandate).join(),
          entries.map(({ bytes }) => bytes.length).join(),
          tiles.map(({ level }) => level).join(),
          tiles.map(({ index }) => index).join(),
          Buffer.concat(tiles.map(({ hashes }) => hashes)),
          Buffer.concat(tiles.map(({ root }) => root)),
          Buffer.concat(entries.map(({ leafHash }) => leafHash)),
          Buffer.concat(entries.map(({ bytes }) => bytes)),
          endsOf(entries.map(({ bytes }) => bytes)),
          entries.map((entry) => entry.class).join(),
          recordedAt,
          ...(sealed ?? []),
        ],
      });
    },
  };
}

const insertItems = `with turn as materialized (select pg_advisory_xact_lock_shared(${turn})),
  item as materialized (
    select $1::bigint + n - 1 as index, item.*
      from turn, unnest(string_to_array($2, ','), string_to_array($3, ','), string_to_array($4, ',', ''), string_to_array($5, ',', ''),
             string_to_array($6, ',')::int[], string_to_array($13, ',')::int[], string_to_array($14, ','))
           with ordinality as item (id, type, transaction, mandate, length, past, class, n)
  ),
  completed as (
    insert into tiles (level, index, hashes, root)
    select tile.level, tile.index, substring($9::bytea from (n::int - 1) * 8192 + 1 for 8192), substring($10::bytea from (n::int - 1) * 32 + 1 for 32)
      from turn, unnest(string_to_array($7, ',')::smallint[], string_to_array($8, ',')::bigint[]) with ordinality as tile (level, index, n)
  ),
  kept as (
    insert into bodies (class, index, body)
    select class, index, substring($12::bytea from past - length + 1 for length) from item
  )`;
const insertEntries = `
  insert into entries (index, record_id, type, transaction, mandate, leaf_hash, class, recorded_at)
  select index, id, type, transaction, mandate, substring($11::bytea from (n::int - 1) * 32 + 1 for 32), class, $15::bigint from item`;
const insertOpen = `${insertItems}${insertEntries}`;
const insertSealed = `${insertItems},
  sealed as (
    insert into protected_values (key, record_id, path, ciphertext)
    select value.key, value.record_id, value.path, substring($20::bytea from value.past - value.length + 1 for value.length)
      from turn, unnest(string_to_array($16, ','), string_to_array($17, ','), string_to_array($18, ','),
             string_to_array($19, ',')::int[], string_to_array($21, ',')::int[])
           as value (record_id, path, key, length, past)
  )${insertEntries}`;

/** Parameters 16 to 21, or undefined where nothing of the batch is protected. */
function sealedColumns({ entries }: EntryBatch): readonly unknown[] | undefined {
  const values = entries.flatMap(({ recordId, sealed }) => sealed.map((value) => ({ ...value, recordId })));
  if (values.length === 0) return undefined;
  if (values.some(({ path, key }) => path.includes(',') || key.includes(',')))
    throw new Error('the path or key of a protected value cannot be stored');
  const ciphertexts = values.map(({ ciphertext }) => ciphertext);
  return [
    values.map(({ recordId }) => recordId).join(),
    values.map(({ path }) => path).join(),
    values.map(({ key }) => key).join(),
    ciphertexts.map(({ length }) => length).join(),
    Buffer.concat(ciphertexts),
    endsOf(ciphertexts),
  ];
}

/** Where each ends in the concatenation of all. */
function endsOf(buffers: readonly Buffer[]): string {
  let end = 0;
  return buffers.map(({ length }) => (end += length)).join();
}
