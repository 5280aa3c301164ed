import { type RetentionClass, retentionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type Queryable, type TextRow, withIndex } from './queryable.ts';

/** A body whose retention has ended. */
export interface DueBody {
  readonly index: bigint;
  readonly recordId: string;
  readonly type: string;
  readonly mandate: string | null;
  readonly leafHash: Buffer;
  readonly bytes: Buffer;
}

export interface BesideRecord {
  readonly key: string;
  readonly record: string;
}

export interface TermAt {
  readonly term: bigint;
  readonly index: bigint;
}

export interface ShardCount {
  readonly class: RetentionClass;
  readonly records: number;
  readonly bytes: number;
  readonly due: number;
  /** Milliseconds since the epoch. */
  readonly oldest: number | null;
}

export interface KeyRow {
  readonly key: string;
  readonly subject: string;
  readonly region: string;
  readonly class: RetentionClass;
  readonly year: number;
  readonly values: number;
  /** Milliseconds since the epoch; null without values. */
  readonly newest: number | null;
  readonly erasedAt: Date | null;
}

/** Bodies sampled to estimate the size. */
const weighed = 10_000;

export function custodyStore(database: Queryable) {
  return {
    /** @param before bodies before this place are due */
    async countShards(
      classes: readonly RetentionClass[],
      before: ReadonlyMap<RetentionClass, bigint>,
    ): Promise<readonly ShardCount[]> {
      const { rows } = await database.query<ShardCount>(
        `select wanted.class, counted.records::float8, round(counted.records * coalesce(weight.mean, 0))::float8 as bytes,
                counted.due::float8, (select recorded_at::float8 from entries where index = counted.first) as oldest
           from unnest($1::text[], $2::bigint[]) as wanted (class, before)
          cross join lateral (
            select count(*) as records, count(*) filter (where index < wanted.before) as due, min(index) as first
              from bodies where bodies.class = wanted.class) as counted
          cross join lateral (
            select avg(octet_length(body)) as mean
              from (select body from bodies where bodies.class = wanted.class order by index limit ${weighed}) as weighing) as weight`,
        [classes, classes.map((name) => (before.get(name) ?? 0n).toString())],
      );
      return rows;
    },

    async countDue(inClass: RetentionClass, before: bigint): Promise<number> {
      const { rows } = await database.query<{ count: string }>(
        'select count(*) as count from bodies where class = $1 and index < $2',
        [inClass, before],
      );
      return Number(rows[0]?.count ?? 0);
    },

    /** Newest first. */
    async dueBodies(inClass: RetentionClass, before: bigint, limit: number): Promise<readonly DueBody[]> {
      const { rows } = await database.query<TextRow<DueBody, 'index'>>(
        `select due.index, record_id as "recordId", type, mandate, leaf_hash as "leafHash", due.body as bytes
           from (select index, body from bodies where class = $1 and index < $2 order by index desc limit $3) as due
           join entries on entries.index = due.index
          order by due.index desc`,
        [inClass, before, limit],
      );
      return rows.map(withIndex);
    },

    /** Terms that a retained record at any other place has. */
    async termsElsewhere(terms: readonly bigint[], besides: readonly bigint[]): Promise<ReadonlySet<bigint>> {
      const { rows } = await database.query<{ term: string }>(
        `select wanted.term from unnest($1::bigint[]) as wanted (term)
          where exists (
            select from places_of_term(wanted.term) as place (index)
             where not (place.index = any($2::bigint[])) and body_is_there(place.index))`,
        [terms.map(String), besides.map(String)],
      );
      return new Set(rows.map(({ term }) => BigInt(term)));
    },

    /** Mandates in force, and those that records other than the due ones refer to. */
    async mandatesInUse(
      mandates: readonly { readonly mandate: string; readonly term: bigint }[],
      due: { readonly class: RetentionClass; readonly before: bigint },
    ): Promise<ReadonlySet<string>> {
      const { rows } = await database.query<{ mandate: string }>(
        `select wanted.mandate
           from unnest($1::text[], $2::bigint[]) as wanted (mandate, term)
          where exists (
                  select from places_of_term(wanted.term) as place (index) join entries on entries.index = place.index
                   where not (entries.class = $3 and entries.index < $4) and body_is_there(place.index))
             or (exists (select from entries where entries.mandate = wanted.mandate and type = 'mandate.accepted')
                 and not exists (
                   select from entries where entries.mandate = wanted.mandate and type in ('mandate.revoked', 'mandate.expired')))`,
        [
          mandates.map(({ mandate }) => mandate),
          mandates.map(({ term }) => term.toString()),
          due.class,
          due.before.toString(),
        ],
      );
      return new Set(rows.map(({ mandate }) => mandate));
    },

    async keysOf(subject: string): Promise<readonly KeyRow[]> {
      const { rows } = await database.query<KeyRow>(
        `select id as key, subject, region, subject_keys.class, year, erased_at as "erasedAt",
                kept.values::float8, kept.newest::float8
           from subject_keys
          cross join lateral (
            select count(*) as values, max(entries.recorded_at) as newest
              from protected_values join entries using (record_id) where protected_values.key = subject_keys.id) as kept
          where subject = $1 order by year, region, subject_keys.class, id`,
        [subject],
      );
      return rows;
    },

    async countValues(keys: readonly string[]): Promise<number> {
      const { rows } = await database.query<{ count: string }>(
        'select count(*) as count from protected_values where key = any($1)',
        [keys],
      );
      return Number(rows[0]?.count ?? 0);
    },

    /** Ordered by id; pruned ones have no body. */
    async recordsUnder(
      keys: readonly string[],
      after: string,
      limit: number,
    ): Promise<{ readonly bodies: readonly Buffer[]; readonly last: string | undefined }> {
      const { rows } = await database.query<{ record_id: string; body: Buffer | null }>(
        `select under.record_id, bodies.body
           from (select distinct record_id from protected_values where key = any($1) and record_id > $2 order by record_id limit $3) as under
           join entries on entries.record_id = under.record_id
           left join bodies on bodies.class = entries.class and bodies.index = entries.index
          order by under.record_id`,
        [keys, after, limit],
      );
      return {
        bodies: rows.flatMap(({ body }) => body ?? []),
        last: rows.length < limit ? undefined : rows.at(-1)?.record_id,
      };
    },
  };
}

export type CustodyStore = ReturnType<typeof custodyStore>;

/** @param asOf newest place that governs removals @param seen size @throws CodedError `custody_outdated` */
export async function checkUnchanged(
  session: Queryable,
  { asOf, seen, at }: { readonly asOf: bigint; readonly seen: bigint; readonly at: bigint },
): Promise<void> {
  const { rows } = await session.query<{ changed: boolean }>(
    `select exists (select from entries where type in ('hold.placed', 'retention.changed') and index > $1 and index < $3)
         or exists (select from entries where type in ('log.pruned', 'erasure.completed') and index >= $2 and index < $3) as changed`,
    [asOf, seen, at],
  );
  if (rows[0]?.changed !== false) throw outdated();
}

function outdated(cause?: unknown): CodedError {
  return retentionErrors.error(
    'custody_outdated',
    'A hold, a schedule or a removal was recorded meanwhile: examine again what may be removed.',
    cause === undefined ? {} : { cause },
  );
}

/** Translates refusals of the database functions. */
export async function ordered(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw refusalIn(error) ?? error;
  }
}

function refusalIn(cause: unknown): CodedError | undefined {
  const state = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (state === 'CU001') return outdated(cause);
  if (state === 'CU002')
    return retentionErrors.error('custody_unauthorized', 'No record of the log allows to remove this.', { cause });
  return undefined;
}

/** The role that removes evidence can only call functions that trust records alone. */
export function removalStore(database: Queryable) {
  return {
    /** Recorded but not completed. */
    async pending(): Promise<readonly bigint[]> {
      const { rows } = await database.query<{ at: string }>('select at from pending() as at');
      return rows.map(({ at }) => BigInt(at));
    },

    async pruneBodies(removal: bigint, values: readonly BesideRecord[]): Promise<void> {
      await ordered(() =>
        database.query('select prune_bodies($1, $2, $3)', [
          removal,
          values.map(({ key }) => key),
          values.map(({ record }) => record),
        ]),
      );
    },

    async eraseKeys(removal: bigint): Promise<void> {
      await ordered(() => database.query('select erase_keys($1)', [removal]));
    },

    /** Removes terms of removed bodies from the index. */
    async forgetTerms(terms: readonly TermAt[]): Promise<void> {
      await database.query('select forget_terms($1, $2)', [
        terms.map(({ term }) => term.toString()),
        terms.map(({ index }) => index.toString()),
      ]);
    },
  };
}

export type RemovalStore = ReturnType<typeof removalStore>;
