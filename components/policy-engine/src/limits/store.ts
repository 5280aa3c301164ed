import type { LimitMeasure, LimitReading, ReserveOutcome, StandingEntry } from '@countersign/contracts';
import { parseDecimal, subtractDecimals } from '@countersign/kernel';
import { ask, databaseFailure, type RowSeal, transaction } from '@countersign/runtime';
import type pg from 'pg';
import {
  type CounterName,
  contradictionOfHold,
  type FoundCounter,
  type HeldAmount,
  LimitContradiction,
  listOf,
  requireCounter,
  requireHold,
  revisionsOf,
  type SealedHold,
  type SumList,
  sealOfCounter,
  sealOfHold,
  standingOf,
  sumsOf,
  withAmount,
} from './seals.ts';

/** From `starts` (inclusive) to `ends` (exclusive), in milliseconds since the epoch. */
export interface Stretch {
  readonly starts: number;
  readonly ends: number;
}

export interface CountedClaim {
  readonly limit: string;
  readonly key: string;
  readonly measure: LimitMeasure;
  readonly unit: string;
  readonly amount: string;
  readonly max: string;
  readonly counted: Stretch;
  /** The new seal of the counter covers the sums that end at this time or later. */
  readonly sealFrom: number;
  readonly bucket: Stretch;
  /** Milliseconds since the epoch; no reading needs the bucket afterwards. */
  readonly expiresAt: number;
}

export interface Usage {
  readonly used: string;
  /** Zero if the usage exceeds the limit. */
  readonly headroom: string;
  readonly fits: boolean;
}

/** `reserved` and `reopened` are open; all except `released` count. */
type HoldState = 'reserved' | 'reopened' | 'committed' | 'released';

export interface OpenHold {
  readonly reservation: string;
  readonly attempt: number;
  readonly touchedAt: number;
}

/** The newest revision of each counter in the log, by {@link revisionsOf}; read before the rows. */
export type Recorded = ReadonlyMap<string, StandingEntry>;

interface HoldRequest {
  readonly reservation: string;
  /** Distinguishes this reservation from others of the same order. */
  readonly taken: string;
  readonly recorded: Recorded;
  /** Whether the log has a release of the reservation. */
  readonly wasReleased: (reservation: string, taken: string) => Promise<boolean>;
  readonly now: number;
  readonly claims: readonly CountedClaim[];
  /** Gets one usage for each claim, in their order, all from the same moment. */
  readonly judge: (usages: readonly Usage[]) => ReserveOutcome;
  readonly keepUntil: number;
}

export interface ReleaseRequest {
  readonly reservation: string;
  /** Only if the reservation was not requested again since. */
  readonly attempt?: number;
  readonly recordedOf: (counters: readonly CounterName[]) => Promise<Recorded>;
  /** Makes the release durable in the log. @throws LimitContradiction if it is already recorded */
  readonly record: (hold: SealedHold & { readonly taken: string }) => Promise<void>;
}

export type LimitStore = ReturnType<typeof createLimitStore>;

/**
 * Every transaction locks the hold first, then its counters by name, so that transactions never deadlock.
 *
 * Every read verifies the seals and throws a {@link LimitContradiction} if one is wrong.
 */
export function createLimitStore(pool: pg.Pool, rowSeal: RowSeal) {
  return {
    /** Takes all amounts or none. @returns the earlier readings if it is already held, otherwise the result of `judge` */
    async hold(request: HoldRequest): Promise<ReserveOutcome> {
      try {
        return await transaction(pool, async (client) => {
          if (await touch(client, request)) {
            const held = await holdOf(client, request.reservation);
            if (held === undefined) throw new Error('a locked hold has disappeared');
            if (await request.wasReleased(held.reservation, requireHold(rowSeal, held)))
              throw contradictionOfHold(held);
            return { outcome: 'reserved', readings: held.readings, standing: standingOf(held) };
          }
          const found = await findLocked(client, request.claims, await lockCounters(client, request.claims));
          for (const { counter } of found) requireCounter(rowSeal, counter, request.recorded.get(revisionsOf(counter)));
          const judged = request.judge(found.map(({ usage }) => usage));
          if (judged.outcome === 'exceeded') throw new NothingTaken(judged);
          const amounts = await take(client, rowSeal, request, found, judged.readings);
          return { ...judged, standing: standingOf({ reservation: request.reservation, amounts }) };
        });
      } catch (error) {
        if (error instanceof NothingTaken) return error.judged;
        throw error;
      }
    },

    /** The usages that {@link hold} would find now. Without locks, so they may be outdated when returned. */
    async usages(claims: readonly CountedClaim[], recorded: Recorded): Promise<readonly Usage[]> {
      if (claims.length === 0) return [];
      const { rows } = await ask<FoundRow>(
        pool,
        `select ${foundColumns}
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::numeric[], $8::numeric[], $9::bigint[])
                with ordinality as wanted (limit_id, key, measure, unit, since, until, amount, max, seal_from, place)
           left join limit_counters c on c.limit_id = wanted.limit_id and c.key = wanted.key
                                     and c.measure = wanted.measure and c.unit = wanted.unit
           left join limit_sums s on s.counter = c.id and s.ends >= least(wanted.seal_from, c.sealed_from)
          group by wanted.place, wanted.amount, wanted.max, c.id order by wanted.place`,
        [...names(claims), ...bounds(claims)],
      );
      return claims.map((claim, place) => {
        const { counter, usage } = foundOf(claim, rows[place]);
        requireCounter(rowSeal, counter, recorded.get(revisionsOf(counter)));
        return usage;
      });
    },

    /** @returns undefined if it is not held. @throws LimitContradiction */
    async held(reservation: string): Promise<(SealedHold & { readonly taken: string }) | undefined> {
      const hold = await holdOf(pool, reservation).catch((error: unknown) => {
        throw databaseFailure(error);
      });
      return hold === undefined ? undefined : { ...hold, taken: requireHold(rowSeal, hold) };
    },

    /**
     * @param attempt commits only if the reservation was not requested again since
     * @returns the current state; undefined if there is no hold or it was requested again
     */
    async commit(reservation: string, attempt?: number): Promise<HoldState | undefined> {
      // Only settling may commit a reopened hold, because another commit may be older than the reopening.
      const { rows } = await ask<{ state: HoldState }>(
        pool,
        `update limit_holds
            set state = case when state = 'reserved' or (state = 'reopened' and $2::integer is not null) then 'committed' else state end
          where reservation = $1 and ($2::integer is null or attempt = $2) returning state`,
        [reservation, attempt ?? null],
      );
      return rows[0]?.state;
    },

    async reopen(reservation: string, now: number): Promise<void> {
      await ask(
        pool,
        `update limit_holds set state = 'reopened', attempt = attempt + 1, touched_at = greatest(touched_at, $2::bigint)
          where reservation = $1 and state <> 'released'`,
        [reservation, now],
      );
    },

    release: ({ reservation, attempt, recordedOf, record }: ReleaseRequest): Promise<void> =>
      transaction(pool, async (client) => {
        const { rows } = await client.query<{ attempt: number }>(
          `select attempt from limit_holds where reservation = $1 and state <> 'released' for update`,
          [reservation],
        );
        if (rows[0] === undefined || (attempt !== undefined && rows[0].attempt !== attempt)) return;
        const hold = await holdOf(client, reservation);
        if (hold === undefined) throw new Error('a locked hold has disappeared');
        await record({ ...hold, taken: requireHold(rowSeal, hold) });
        const recorded = await recordedOf(hold.amounts);
        const counters = await lockCountersOf(client, reservation);
        for (const counter of counters) {
          requireCounter(rowSeal, counter, recorded.get(revisionsOf(counter)));
          const held = hold.amounts.filter((one) => revisionsOf(one) === revisionsOf(counter));
          await reseal(client, rowSeal, counter, { sums: without(counter, held), revision: counter.revision + 1 });
        }
        await client.query(
          `with gone as (delete from limit_amounts where reservation = $1 returning counter, starts, ends, amount),
                given_back as (update limit_sums s set amount = s.amount - gone.amount from gone
                                where s.counter = gone.counter and s.starts = gone.starts and s.ends = gone.ends)
           update limit_holds set state = 'released', taken = null, seal = null where reservation = $1`,
          [reservation],
        );
      }),

    /** Open holds last requested before a time, oldest first, after the hold `after`. */
    async open(before: number, after: OpenHold | undefined, limit: number): Promise<readonly OpenHold[]> {
      const { rows } = await ask<OpenHold>(
        pool,
        `select reservation, attempt, touched_at::float8 as "touchedAt" from limit_holds
          where state in ('reserved', 'reopened') and touched_at < $1
            and (touched_at, reservation) > ($2::bigint, $3::text)
          order by touched_at, reservation limit $4`,
        [before, after?.touchedAt ?? -1, after?.reservation ?? '', limit],
      );
      return rows;
    },

    /** Removes at most `limit` expired sums and holds. @returns the larger of the two numbers */
    async removeExpired(before: number, limit: number): Promise<number> {
      const uncovered = await ask(
        pool,
        `delete from limit_sums where ctid = any(array(
           select s.ctid from limit_sums s join limit_counters c on c.id = s.counter
            where s.expires_at < $1 and (c.sealed_from is null or s.ends < c.sealed_from) limit $2))`,
        [before, limit],
      );
      const { rows: idle } = await ask<{ counter: string }>(
        pool,
        'select distinct counter::text as counter from limit_sums where expires_at < $1 limit $2',
        [before, limit],
      );
      let covered = 0;
      for (const { counter } of idle) covered += await removeCovered(counter, before);
      const holds = await ask(
        pool,
        `delete from limit_holds where reservation = any(array(
           select reservation from limit_holds where expires_at < $1 and state in ('committed', 'released') limit $2
              for update skip locked))`,
        [before, limit],
      );
      return Math.max((uncovered.rowCount ?? 0) + covered, holds.rowCount ?? 0);
    },
  };

  /** Removes expired sums that the seal of an idle counter still covers. */
  function removeCovered(id: string, before: number): Promise<number> {
    return transaction(pool, async (client) => {
      const counter = await lockCounter(client, id);
      try {
        // The revision stays, so the log does not matter.
        if (counter !== undefined) requireCounter(rowSeal, counter, undefined);
      } catch (error) {
        // The next reservation reports it.
        if (error instanceof LimitContradiction) return 0;
        throw error;
      }
      if (counter?.sealedFrom == null) return 0;
      const sums = listOf(sumsOf(counter.sums).filter(({ expiresAt }) => expiresAt >= before));
      await reseal(client, rowSeal, counter, { sums, revision: counter.revision });
      const { rowCount } = await client.query('delete from limit_sums where counter = $1 and expires_at < $2', [
        id,
        before,
      ]);
      return rowCount ?? 0;
    });
  }
}

/** Rolls the transaction back, and carries the outcome. */
class NothingTaken extends Error {
  readonly judged: ReserveOutcome;
  constructor(judged: ReserveOutcome) {
    super('not enough headroom');
    this.judged = judged;
  }
}

/** A {@link SumList}. */
const sumsColumn = `coalesce(string_agg(s.ends || ' ' || s.starts || ' ' || trim_scale(s.amount) || ' ' || s.expires_at || ',', ''
  order by s.ends, s.starts), '') as sums`;
const headColumns = 'c.id::text as id, c.revision::float8 as revision, c.sealed_from::float8 as "sealedFrom", c.seal';
interface HeadRow {
  readonly id: string | null;
  readonly revision: number | null;
  readonly sealedFrom: number | null;
  readonly seal: Buffer | null;
  readonly sums: SumList;
}
interface FoundRow extends HeadRow, Usage {}
const used = 'coalesce(sum(s.amount) filter (where s.ends > wanted.since and s.starts < wanted.until), 0)';
const foundColumns = `${headColumns}, ${sumsColumn}, trim_scale(${used})::text as used,
  trim_scale(greatest(wanted.max - ${used}, 0))::text as headroom, ${used} + wanted.amount <= wanted.max as fits`;

/** Creates or locks the row of the hold. @returns whether the hold counts */
async function touch(client: pg.PoolClient, { reservation, now, keepUntil }: HoldRequest): Promise<boolean> {
  const { rows } = await client.query<{ state: HoldState }>({
    name: 'policy-engine-touch-hold',
    text: `insert into limit_holds as h (reservation, state, attempt, touched_at, readings, expires_at)
     values ($1, 'released', 1, $2, '[]', $3)
     on conflict (reservation) do update set attempt = h.attempt + 1, touched_at = greatest(h.touched_at, excluded.touched_at)
     returning state`,
    values: [reservation, now, keepUntil],
  });
  return rows[0] !== undefined && rows[0].state !== 'released';
}

/** @returns undefined if the hold does not count */
async function holdOf(on: pg.Pool | pg.PoolClient, reservation: string): Promise<SealedHold | undefined> {
  const { rows } = await on.query<SealedHold>(
    `select reservation, taken, readings, seal,
            coalesce((select json_agg(json_build_object('limit', c.limit_id, 'key', c.key, 'measure', c.measure, 'unit', c.unit,
                        'starts', a.starts, 'ends', a.ends, 'amount', trim_scale(a.amount)::text, 'revision', a.revision)
                        order by c.limit_id, c.key, c.measure, c.unit)
                      from limit_amounts a join limit_counters c on c.id = a.counter
                     where a.reservation = limit_holds.reservation), '[]') as amounts
       from limit_holds where reservation = $1 and state <> 'released'`,
    [reservation],
  );
  return rows[0];
}

/** Creates missing counters and locks all. @returns their ids, in the order of the claims */
async function lockCounters(client: pg.PoolClient, claims: readonly CountedClaim[]): Promise<readonly string[]> {
  if (claims.length === 0) return [];
  const { rows } = await client.query<{ id: string; limit: string; key: string; measure: string; unit: string }>({
    name: 'policy-engine-lock-counters',
    text: `insert into limit_counters as c (limit_id, key, measure, unit)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as wanted (limit_id, key, measure, unit)
      order by limit_id, key, measure, unit
     on conflict (limit_id, key, measure, unit) do update set unit = excluded.unit
     returning id::text, limit_id as "limit", key, measure, unit`,
    values: names(claims),
  });
  return claims.map((claim) => {
    const row = rows.find(
      ({ limit, key, measure, unit }) =>
        limit === claim.limit && key === claim.key && measure === claim.measure && unit === claim.unit,
    );
    if (row === undefined) throw new Error('a counter was neither created nor found');
    return row.id;
  });
}

interface Found {
  readonly counter: FoundCounter;
  readonly usage: Usage;
}

/** A separate statement after the lock, so that it sees all amounts taken before. */
async function findLocked(
  client: pg.PoolClient,
  claims: readonly CountedClaim[],
  counters: readonly string[],
): Promise<readonly Found[]> {
  if (claims.length === 0) return [];
  const { rows } = await client.query<FoundRow>({
    name: 'policy-engine-find-counters',
    text: `select ${foundColumns}
       from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::numeric[], $5::numeric[], $6::bigint[])
            with ordinality as wanted (counter, since, until, amount, max, seal_from, place)
       join limit_counters c on c.id = wanted.counter
       left join limit_sums s on s.counter = c.id and s.ends >= least(wanted.seal_from, c.sealed_from)
      group by wanted.place, wanted.amount, wanted.max, c.id order by wanted.place`,
    values: [counters, ...bounds(claims)],
  });
  return claims.map((claim, place) => foundOf(claim, rows[place]));
}

function foundOf({ limit, key, measure, unit }: CountedClaim, row: FoundRow | undefined): Found {
  if (row === undefined) throw new Error('a claim without a usage');
  const { used, headroom, fits } = row;
  return { counter: counterOf({ limit, key, measure, unit }, row), usage: { used, headroom, fits } };
}

/** A counter without a row is unused. */
function counterOf(name: CounterName, { id, revision, sealedFrom, seal, sums }: HeadRow): FoundCounter {
  return { ...name, id: id ?? '', revision: revision ?? 0, sealedFrom, seal, sums };
}

async function take(
  client: pg.PoolClient,
  rowSeal: RowSeal,
  { reservation, taken, claims, keepUntil }: HoldRequest,
  found: readonly Found[],
  readings: readonly LimitReading[],
): Promise<readonly HeldAmount[]> {
  const counters = found.map(({ counter }) => counter);
  const amounts = claims.map(({ limit, key, measure, unit, bucket, amount }, place) => ({
    ...{ limit, key, measure, unit, ...bucket, amount },
    revision: (counters[place]?.revision ?? 0) + 1,
  }));
  const seals = claims.map((claim, place) => {
    const counter = counters[place];
    if (counter === undefined) throw new Error('a claim without a counter');
    const content = { revision: counter.revision + 1, sealedFrom: claim.sealFrom, sums: withClaim(counter, claim) };
    return sealOfCounter(rowSeal, counter, content);
  });
  await client.query({
    name: 'policy-engine-take',
    text: `with taken (counter, starts, ends, amount, expires_at, revision, seal_from, seal) as (
       select * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::numeric[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[])),
     held as (insert into limit_amounts (reservation, counter, starts, ends, amount, revision)
              select $1, counter, starts, ends, amount, revision from taken),
     added as (insert into limit_sums as s (counter, starts, ends, amount, expires_at)
               select counter, starts, ends, amount, expires_at from taken
               on conflict (counter, ends, starts) do update
                  set amount = s.amount + excluded.amount, expires_at = greatest(s.expires_at, excluded.expires_at)),
     sealed as (update limit_counters c set revision = taken.revision, sealed_from = taken.seal_from, seal = taken.seal
                  from taken where c.id = taken.counter)
     update limit_holds set state = 'reserved', readings = $10, expires_at = $11, taken = $12, seal = $13 where reservation = $1`,
    values: [
      reservation,
      counters.map(({ id }) => id),
      claims.map(({ bucket }) => bucket.starts),
      claims.map(({ bucket }) => bucket.ends),
      claims.map(({ amount }) => amount),
      claims.map(({ expiresAt }) => expiresAt),
      amounts.map(({ revision }) => revision),
      claims.map(({ sealFrom }) => sealFrom),
      seals,
      JSON.stringify(readings),
      claims.reduce((latest, { expiresAt }) => Math.max(latest, expiresAt), keepUntil),
      taken,
      sealOfHold(rowSeal, { reservation, taken, readings, amounts }),
    ],
  });
  return amounts;
}

function withClaim({ sums }: FoundCounter, { bucket, amount, expiresAt }: CountedClaim): SumList {
  const added = parseDecimal(amount);
  if (added === undefined) throw new Error('a claim was not checked');
  return withAmount(sums, { ...bucket, amount: added, expiresAt });
}

/** The sums of a counter without the held amounts; sums of removed periods are gone already. */
function without(counter: FoundCounter, held: readonly HeldAmount[]): SumList {
  const sums = sumsOf(counter.sums).map((sum) => {
    const amount = held
      .filter((one) => isOf(sum, one))
      .reduce((left, one) => {
        const given = parseDecimal(one.amount);
        const less = given === undefined ? undefined : subtractDecimals(left, given);
        if (less === undefined) throw new LimitContradiction(revisionsOf(counter), { ...one }, undefined);
        return less;
      }, sum.amount);
    return { ...sum, amount };
  });
  return listOf(sums);
}

const isOf = (sum: Stretch, stretch: Stretch): boolean => sum.starts === stretch.starts && sum.ends === stretch.ends;

async function reseal(
  client: pg.PoolClient,
  rowSeal: RowSeal,
  counter: FoundCounter,
  { sums, revision }: { readonly sums: SumList; readonly revision: number },
): Promise<void> {
  const { id, sealedFrom } = counter;
  if (sealedFrom === null) throw new LimitContradiction(revisionsOf(counter), null, undefined);
  await client.query('update limit_counters set revision = $2, seal = $3 where id = $1', [
    id,
    revision,
    sealOfCounter(rowSeal, counter, { revision, sealedFrom, sums }),
  ]);
}

interface NamedRow extends HeadRow, CounterName {}

const named = `select c.limit_id as "limit", c.key, c.measure, c.unit, ${headColumns}, ${sumsColumn}
  from limit_counters c left join limit_sums s on s.counter = c.id and s.ends >= c.sealed_from`;

async function lockCountersOf(client: pg.PoolClient, reservation: string): Promise<readonly FoundCounter[]> {
  await client.query(
    `select from limit_counters c join limit_amounts a on a.counter = c.id where a.reservation = $1
      order by c.limit_id, c.key, c.measure, c.unit for update of c`,
    [reservation],
  );
  const { rows } = await client.query<NamedRow>(
    `${named} where c.id in (select counter from limit_amounts where reservation = $1) group by c.id`,
    [reservation],
  );
  return rows.map((row) => counterOf(row, row));
}

async function lockCounter(client: pg.PoolClient, id: string): Promise<FoundCounter | undefined> {
  await client.query('select from limit_counters where id = $1 for update', [id]);
  const { rows } = await client.query<NamedRow>(`${named} where c.id = $1 group by c.id`, [id]);
  return rows[0] === undefined ? undefined : counterOf(rows[0], rows[0]);
}

function names(claims: readonly CountedClaim[]): unknown[] {
  return (['limit', 'key', 'measure', 'unit'] as const).map((name) => claims.map((claim) => claim[name]));
}

function bounds(claims: readonly CountedClaim[]): unknown[] {
  return [
    claims.map(({ counted }) => counted.starts),
    claims.map(({ counted }) => counted.ends),
    ...(['amount', 'max', 'sealFrom'] as const).map((name) => claims.map((claim) => claim[name])),
  ];
}
