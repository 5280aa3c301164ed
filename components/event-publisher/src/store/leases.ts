import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** Times in milliseconds since the epoch. */
export interface LeaseRequest {
  readonly now: number;
  readonly leaseMs: number;
  readonly newest: bigint;
  readonly limit: number;
  readonly maxOfInstitution: number;
}

/** Each new holder gets a greater one; writes with an older one are rejected. */
export interface Lease {
  readonly id: string;
  readonly lease: string;
}

/** `due` is the condition under which a row (`$3` is the newest place) is due. */
interface LeasedTable {
  readonly name: 'subscriptions' | 'signal_streams';
  readonly active: string;
  readonly hasNew: string;
  readonly columns: string;
}

/** Who delivers a row, and when a failed delivery is retried. */
export function createLeases<Row extends pg.QueryResultRow>(pool: pg.Pool, table: LeasedTable) {
  const { name, active, hasNew, columns } = table;
  return {
    /** Without regard to new records: the log is asked only if a delivery is possible. */
    async anyDue(now: number): Promise<boolean> {
      const { rows } = await ask<{ due: boolean }>(
        pool,
        `with moment as (select to_timestamp($1::float8 / 1000.0) as now)
         select exists (
           select 1 from ${name}, moment
            where ${active} and next_attempt_at <= now and (leased_until is null or leased_until <= now)) as due`,
        [now],
      );
      return rows[0]?.due === true;
    },

    /**
     * Leases due rows for `leaseMs`, at most `maxOfInstitution` of one institution, so that its slow receivers delay
     * no other.
     */
    async take(wanted: LeaseRequest): Promise<readonly Row[]> {
      const { rows } = await ask<Row>(
        pool,
        `with moment as (select to_timestamp($1::float8 / 1000.0) as now),
          busy as (
            select institution, count(*) as turns from ${name}, moment where leased_until > now group by institution),
          due as (
            select id, next_attempt_at,
                   row_number() over (partition by institution order by next_attempt_at, id) + coalesce(turns, 0) as turn
              from moment, ${name} left join busy using (institution)
             where ${active} and ${hasNew} and next_attempt_at <= now
               and (leased_until is null or leased_until <= now)),
          chosen as (
            select id from due where turn <= $5 order by turn, next_attempt_at limit $4)
        update ${name}
            set lease = lease + 1, leased_until = to_timestamp(($1::float8 + $2::float8) / 1000.0)
          where id in (
            select id from ${name}
             where id in (select id from chosen) and ${active}
               and (leased_until is null or leased_until <= to_timestamp($1::float8 / 1000.0))
               for update skip locked)
        returning ${columns}`,
        [wanted.now, wanted.leaseMs, wanted.newest, wanted.limit, wanted.maxOfInstitution],
      );
      return rows;
    },

    /** @returns false when another node holds the lease */
    async failed(held: Lease, now: number, nextAttempt: number, detail: string): Promise<boolean> {
      const { rowCount } = await ask(
        pool,
        `update ${name}
            set attempts = attempts + 1, failing_since = coalesce(failing_since, to_timestamp($3::float8 / 1000.0)),
                last_failure_at = to_timestamp($3::float8 / 1000.0), last_failure = $5, leased_until = null,
                next_attempt_at = to_timestamp($4::float8 / 1000.0)
          where id = $1 and lease = $2`,
        [held.id, held.lease, now, nextAttempt, detail],
      );
      return rowCount === 1;
    },
  };
}
