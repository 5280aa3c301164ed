import type { LimitMeasure, LimitReading, ReserveOutcome } from '@countersign/contracts';
import { databaseFailure, transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Stretch } from './windows.ts';

/** An amount to be added up with others, and how far the sum may go. */
export interface CountedClaim {
  readonly limit: string;
  readonly key: string;
  readonly measure: LimitMeasure;
  readonly unit: string;
  readonly amount: string;
  readonly most: string;
  readonly counted: Stretch;
  readonly bucket: Stretch;
  /** Milliseconds since the epoch: no reading asks for the bucket after that. */
  readonly expiresAt: number;
}

/** What a counter was found at. Decimals. */
export interface Usage {
  readonly used: string;
  /** Zero when more is used than the limit allows. */
  readonly headroom: string;
  readonly fits: boolean;
}

/** `reserved` and `reopened` are waiting to be settled; all but `released` count. */
export type HoldState = 'reserved' | 'reopened' | 'committed' | 'released';

/** A hold that nobody has settled, as it was when it was looked at. */
export interface OpenHold {
  readonly reservation: string;
  readonly attempt: number;
  readonly touchedAt: number;
}

export interface HoldRequest {
  readonly reservation: string;
  readonly now: number;
  readonly claims: readonly CountedClaim[];
  /** Given one usage for each claim, in their order, all of one moment. */
  readonly judge: (usages: readonly Usage[]) => ReserveOutcome;
  /** The hold is remembered until then at least. */
  readonly keepUntil: number;
}

export type LimitStore = ReturnType<typeof createLimitStore>;

/** Every transaction locks in one order: the hold, then its counters by name. Two that meet never wait in a ring. */
export function createLimitStore(pool: pg.Pool) {
  const query = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) => {
    try {
      return await pool.query<Row>(text, [...values]);
    } catch (error) {
      throw databaseFailure(error);
    }
  };

  return {
    /** All is taken, or nothing. @returns what it was found at before when it is held already, else what `judge` says */
    async hold(request: HoldRequest): Promise<ReserveOutcome> {
      try {
        return await transaction(pool, async (client) => {
          const held = await touch(client, request);
          if (held !== undefined) return { outcome: 'reserved', readings: held };
          const counters = await lockCounters(client, request.claims);
          const judged = request.judge(await usagesOf(client, request.claims, counters));
          if (judged.outcome === 'exceeded') throw new NothingTaken(judged);
          await take(client, request, counters, judged.readings);
          return judged;
        });
      } catch (error) {
        if (error instanceof NothingTaken) return error.judged;
        throw error;
      }
    },

    /** As {@link hold} would find them now; without locks, so that it may be old when it is read. */
    async usages(claims: readonly CountedClaim[]): Promise<readonly Usage[]> {
      if (claims.length === 0) return [];
      const { rows } = await query<Usage>(
        `select ${usageColumns}
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::numeric[], $8::numeric[])
                with ordinality as wanted (limit_id, key, measure, unit, since, until, amount, most, place)
           left join limit_counters c on c.limit_id = wanted.limit_id and c.key = wanted.key
                                     and c.measure = wanted.measure and c.unit = wanted.unit
           left join limit_sums s on s.counter = c.id and s.ends > wanted.since and s.starts < wanted.until
          group by wanted.place, wanted.amount, wanted.most order by wanted.place`,
        [...names(claims), ...bounds(claims)],
      );
      return rows;
    },

    /** @returns undefined when it is not held */
    async readingsOf(reservation: string): Promise<readonly LimitReading[] | undefined> {
      const { rows } = await query<{ readings: LimitReading[] }>(
        `select readings from limit_holds where reservation = $1 and state <> 'released'`,
        [reservation],
      );
      return rows[0]?.readings;
    },

    /**
     * @param attempt only if it has not been asked for since
     * @returns the state it is in now; undefined when there is none, or it has been asked for since
     */
    async commit(reservation: string, attempt?: number): Promise<HoldState | undefined> {
      // One that was reopened is for whoever settles it: the commit may be older than the doubt.
      const { rows } = await query<{ state: HoldState }>(
        `update limit_holds
            set state = case when state = 'reserved' or (state = 'reopened' and $2::integer is not null) then 'committed' else state end
          where reservation = $1 and ($2::integer is null or attempt = $2) returning state`,
        [reservation, attempt ?? null],
      );
      return rows[0]?.state;
    },

    async reopen(reservation: string, now: number): Promise<void> {
      await query(
        `update limit_holds set state = 'reopened', attempt = attempt + 1, touched_at = greatest(touched_at, $2::bigint)
          where reservation = $1 and state <> 'released'`,
        [reservation, now],
      );
    },

    /** @param attempt only if it has not been asked for since */
    release: (reservation: string, attempt?: number): Promise<void> =>
      transaction(pool, async (client) => {
        const { rows } = await client.query<{ attempt: number }>(
          `select attempt from limit_holds where reservation = $1 and state <> 'released' for update`,
          [reservation],
        );
        const hold = rows[0];
        if (hold === undefined || (attempt !== undefined && hold.attempt !== attempt)) return;
        await client.query(
          `select from limit_counters c join limit_amounts a on a.counter = c.id where a.reservation = $1
            order by c.limit_id, c.key, c.measure, c.unit for update of c`,
          [reservation],
        );
        await client.query(
          `with gone as (delete from limit_amounts where reservation = $1 returning counter, starts, ends, amount),
                given_back as (update limit_sums s set amount = s.amount - gone.amount from gone
                                where s.counter = gone.counter and s.starts = gone.starts and s.ends = gone.ends)
           update limit_holds set state = 'released' where reservation = $1`,
          [reservation],
        );
      }),

    /** Those last asked for before a moment; the oldest first, after the one that `after` is. */
    async open(before: number, after: OpenHold | undefined, limit: number): Promise<readonly OpenHold[]> {
      const { rows } = await query<OpenHold>(
        `select reservation, attempt, touched_at::float8 as "touchedAt" from limit_holds
          where state in ('reserved', 'reopened') and touched_at < $1
            and (touched_at, reservation) > ($2::bigint, $3::text)
          order by touched_at, reservation limit $4`,
        [before, after?.touchedAt ?? -1, after?.reservation ?? '', limit],
      );
      return rows;
    },

    /** Removes at most so many sums and holds that nobody asks for any more. @returns how many of the more numerous */
    async removeExpired(before: number, limit: number): Promise<number> {
      const sums = await query(
        `delete from limit_sums where ctid = any(array(select ctid from limit_sums where expires_at < $1 limit $2))`,
        [before, limit],
      );
      const holds = await query(
        `delete from limit_holds where reservation = any(array(
           select reservation from limit_holds where expires_at < $1 and state in ('committed', 'released') limit $2
              for update skip locked))`,
        [before, limit],
      );
      return Math.max(sums.rowCount ?? 0, holds.rowCount ?? 0);
    },
  };
}

/** Rolls the transaction back: what was judged is known, and nothing of it stays. */
class NothingTaken extends Error {
  readonly judged: ReserveOutcome;
  constructor(judged: ReserveOutcome) {
    super('not enough headroom');
    this.judged = judged;
  }
}

const usageColumns = `trim_scale(coalesce(sum(s.amount), 0))::text as used,
  trim_scale(greatest(wanted.most - coalesce(sum(s.amount), 0), 0))::text as headroom,
  coalesce(sum(s.amount), 0) + wanted.amount <= wanted.most as fits`;

/** The row that requests for one reservation queue at. @returns its readings when it counts */
async function touch(
  client: pg.PoolClient,
  { reservation, now, keepUntil }: HoldRequest,
): Promise<readonly LimitReading[] | undefined> {
  const { rows } = await client.query<{ state: HoldState; readings: LimitReading[] }>(
    `insert into limit_holds as h (reservation, state, attempt, touched_at, readings, expires_at)
     values ($1, 'released', 1, $2, '[]', $3)
     on conflict (reservation) do update set attempt = h.attempt + 1, touched_at = greatest(h.touched_at, excluded.touched_at)
     returning state, readings`,
    [reservation, now, keepUntil],
  );
  const [hold] = rows;
  return hold === undefined || hold.state === 'released' ? undefined : hold.readings;
}

/** Makes those that are missing, and waits for whoever has them. @returns their ids, in the order of the claims */
async function lockCounters(client: pg.PoolClient, claims: readonly CountedClaim[]): Promise<readonly string[]> {
  if (claims.length === 0) return [];
  const { rows } = await client.query<{ id: string; limit: string; key: string; measure: string; unit: string }>(
    `insert into limit_counters as c (limit_id, key, measure, unit)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as wanted (limit_id, key, measure, unit)
      order by limit_id, key, measure, unit
     on conflict (limit_id, key, measure, unit) do update set unit = excluded.unit
     returning id::text, limit_id as "limit", key, measure, unit`,
    names(claims),
  );
  return claims.map((claim) => {
    const row = rows.find(
      ({ limit, key, measure, unit }) =>
        limit === claim.limit && key === claim.key && measure === claim.measure && unit === claim.unit,
    );
    if (row === undefined) throw new Error('a counter was neither made nor found');
    return row.id;
  });
}

/** A statement of its own, begun when the counters are locked: it sees all that was taken before. */
async function usagesOf(
  client: pg.PoolClient,
  claims: readonly CountedClaim[],
  counters: readonly string[],
): Promise<readonly Usage[]> {
  if (claims.length === 0) return [];
  const { rows } = await client.query<Usage>(
    `select ${usageColumns}
       from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::numeric[], $5::numeric[])
            with ordinality as wanted (counter, since, until, amount, most, place)
       left join limit_sums s on s.counter = wanted.counter and s.ends > wanted.since and s.starts < wanted.until
      group by wanted.place, wanted.amount, wanted.most order by wanted.place`,
    [counters, ...bounds(claims)],
  );
  return rows;
}

async function take(
  client: pg.PoolClient,
  { reservation, claims, keepUntil }: HoldRequest,
  counters: readonly string[],
  readings: readonly LimitReading[],
): Promise<void> {
  await client.query(
    `with taken (counter, starts, ends, amount, expires_at) as (
       select * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::numeric[], $6::bigint[])),
     held as (insert into limit_amounts (reservation, counter, starts, ends, amount)
              select $1, counter, starts, ends, amount from taken),
     added as (insert into limit_sums as s (counter, starts, ends, amount, expires_at)
               select counter, starts, ends, amount, expires_at from taken
               on conflict (counter, ends, starts) do update
                  set amount = s.amount + excluded.amount, expires_at = greatest(s.expires_at, excluded.expires_at))
     update limit_holds set state = 'reserved', readings = $7, expires_at = $8 where reservation = $1`,
    [
      reservation,
      counters,
      claims.map(({ bucket }) => bucket.starts),
      claims.map(({ bucket }) => bucket.ends),
      claims.map(({ amount }) => amount),
      claims.map(({ expiresAt }) => expiresAt),
      JSON.stringify(readings),
      claims.reduce((latest, { expiresAt }) => Math.max(latest, expiresAt), keepUntil),
    ],
  );
}

function names(claims: readonly CountedClaim[]): unknown[] {
  return [
    claims.map(({ limit }) => limit),
    claims.map(({ key }) => key),
    claims.map(({ measure }) => measure),
    claims.map(({ unit }) => unit),
  ];
}

function bounds(claims: readonly CountedClaim[]): unknown[] {
  return [
    claims.map(({ counted }) => counted.starts),
    claims.map(({ counted }) => counted.ends),
    claims.map(({ amount }) => amount),
    claims.map(({ most }) => most),
  ];
}
