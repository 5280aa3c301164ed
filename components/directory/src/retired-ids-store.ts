import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import type { Entry } from './entry.ts';
import type { Session } from './store.ts';

interface RetiredId {
  readonly kind: string;
  readonly id: string;
  readonly institution: string | null;
}

export async function retireIds(client: pg.PoolClient, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  await client.query(
    `insert into retired_ids (kind, id, institution)
     select kind, id, institution from unnest($1::text[], $2::text[], $3::text[]) as gone (kind, id, institution)
     on conflict (kind, id) do nothing`,
    [entries.map(({ entity }) => entity.kind), entries.map(({ id }) => id), entries.map(({ owner }) => owner)],
  );
}

/** Read from the database, so that every node gets the same result under the lock. */
export async function findRetiredIds(session: Session, entries: readonly Entry[]): Promise<readonly RetiredId[]> {
  if (entries.length === 0) return [];
  try {
    const { rows } = await session.query<RetiredId>(
      `select retired_ids.kind, retired_ids.id, retired_ids.institution
         from unnest($1::text[], $2::text[]) as wanted (kind, id)
         join retired_ids on retired_ids.kind = wanted.kind and retired_ids.id = wanted.id`,
      [entries.map(({ entity }) => entity.kind), entries.map(({ id }) => id)],
    );
    return rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}
