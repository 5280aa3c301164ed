import type { RetentionClass } from '@countersign/contracts';
import type { CompletedTile } from '../right-edge.ts';
import type { SealedValue } from './protected-values.ts';
import type { Queryable } from './queryable.ts';

export interface SealedStanding {
  readonly subject: string;
  /** Null once it has ended. */
  readonly digest: Buffer | null;
  readonly seal: Buffer;
}

export interface EntryBatch {
  readonly first: bigint;
  /** Milliseconds since the epoch, for the whole batch. */
  readonly recordedAt: number;
  readonly entries: readonly {
    readonly recordId: string;
    readonly type: string;
    readonly class: RetentionClass;
    readonly transaction: string | undefined;
    readonly mandate: string | undefined;
    readonly leafHash: Buffer;
    readonly seal: Buffer;
    readonly bytes: Buffer;
    readonly sealed: readonly SealedValue[];
    readonly standing: readonly SealedStanding[];
  }[];
  readonly tiles: readonly CompletedTile[];
}

export function appendStore(database: Queryable) {
  return {
    /** Waits for running appends and blocks others until the transaction ends. */
    async takeTurn(): Promise<void> {
      await database.query('select take_append_turn()');
    },

    /** One statement. Buffers travel in binary and are cut by the server; arrays would travel as hexadecimal. */
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
          Buffer.concat(entries.flatMap(({ leafHash, seal }) => [leafHash, seal])),
          Buffer.concat(entries.map(({ bytes }) => bytes)),
          endsOf(entries.map(({ bytes }) => bytes)),
          entries.map((entry) => entry.class).join(),
          recordedAt,
          ...standingColumns(batch),
          ...(sealed ?? []),
        ],
      });
    },
  };
}

/** PostgreSQL locks the tables of a statement before it runs, so `append_turns` makes it wait for the turn. */
const insertItems = `with turn as (insert into append_turns select true where false),
  item as materialized (
    select $1::bigint + n - 1 as index, item.*
      from unnest(string_to_array($2, ','), string_to_array($3, ','), string_to_array($4, ',', ''), string_to_array($5, ',', ''),
             string_to_array($6, ',')::int[], string_to_array($13, ',')::int[], string_to_array($14, ','))
           with ordinality as item (id, type, transaction, mandate, length, past, class, n)
  ),
  completed as (
    insert into tiles (level, index, hashes, root)
    select tile.level, tile.index, substring($9::bytea from (n::int - 1) * 8192 + 1 for 8192), substring($10::bytea from (n::int - 1) * 32 + 1 for 32)
      from unnest(string_to_array($7, ',')::smallint[], string_to_array($8, ',')::bigint[]) with ordinality as tile (level, index, n)
  ),
  kept as (
    insert into bodies (class, index, body)
    select class, index, substring($12::bytea from past - length + 1 for length) from item
  ),
  stood as (
    insert into standings (subject, index, seal, digest)
    select subject, $1::bigint + place, substring(sealed from 1 for 32), nullif(substring(sealed from 33), '')
      from unnest($16::text[], $17::int[], $18::bytea[]) as standing (subject, place, sealed)
  )`;
const insertEntries = `
  insert into entries (index, record_id, type, transaction, mandate, leaf_hash, seal, class, recorded_at)
  select index, id, type, transaction, mandate, substring($11::bytea from (n::int - 1) * 64 + 1 for 32),
         substring($11::bytea from (n::int - 1) * 64 + 33 for 32), class, $15::bigint from item`;
const insertOpen = `${insertItems}${insertEntries}`;
const insertSealed = `${insertItems},
  sealed as (
    insert into protected_values (key, record_id, path, ciphertext)
    select value.key, value.record_id, value.path, substring($23::bytea from value.past - value.length + 1 for value.length)
      from unnest(string_to_array($19, ','), string_to_array($20, ','), string_to_array($21, ','),
             string_to_array($22, ',')::int[], string_to_array($24, ',')::int[])
           as value (record_id, path, key, length, past)
  )${insertEntries}`;

/** Parameters 16 to 18. Few records have any. */
function standingColumns({ entries }: EntryBatch): readonly unknown[] {
  const all = entries.flatMap(({ standing }, place) => standing.map((one) => ({ ...one, place })));
  return [
    all.map(({ subject }) => subject),
    all.map(({ place }) => place),
    all.map(({ seal, digest }) => (digest === null ? seal : Buffer.concat([seal, digest]))),
  ];
}

/** Parameters 19 to 24; undefined if nothing is protected. */
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

function endsOf(buffers: readonly Buffer[]): string {
  let end = 0;
  return buffers.map(({ length }) => (end += length)).join();
}
