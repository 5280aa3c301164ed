import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Session } from '../store.ts';

export interface StoredRequest {
  readonly person: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly times: number;
}

/** One row per name, known or not, so that timing discloses nothing. The oldest unknown names beyond `maxStrangers` are forgotten. */
export async function keepRequest(
  pool: pg.Pool,
  request: { readonly person: string; readonly known: boolean; readonly now: number },
  maxStrangers: number,
): Promise<void> {
  const { person, known, now } = request;
  await transaction(pool, async (client) => {
    await client.query(
      `insert into requests (person, known, first_at, last_at, times) values ($1, $2, $3, $3, 1)
       on conflict (person) do update
          set known = excluded.known, last_at = excluded.last_at, times = least(requests.times + 1, 1000)`,
      [person, known, new Date(now)],
    );
    // Skips rows that a concurrent request has locked, to avoid a deadlock.
    await client.query(
      `delete from requests where person in (
         select person from requests
          where not known and person in (
            select person from requests where not known order by last_at desc offset $1 limit 100)
          for update skip locked)`,
      [maxStrangers],
    );
  });
}

/** Of known people, newest first. */
export async function listRequests(session: Session, since: number, limit: number): Promise<readonly StoredRequest[]> {
  const { rows } = await session.query<StoredRequest>(
    `select person, first_at as "firstAt", last_at as "lastAt", times from requests
      where known and last_at >= $1 order by last_at desc limit $2`,
    [new Date(since), limit],
  );
  return rows;
}

/** @returns how many */
export async function removeRequests(session: Session, before: number, limit: number): Promise<number> {
  const { rowCount } = await session.query(
    `delete from requests where person in (
       select person from requests where last_at < $1 limit $2 for update skip locked)`,
    [new Date(before), limit],
  );
  return rowCount ?? 0;
}
