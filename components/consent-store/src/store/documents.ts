import type { Mandate } from '@countersign/contracts';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import { completed, type Seals, type StoredVersion } from '../stored-version.ts';

/**
 * The newest version of each mandate: the highest that is kept. The number beside the locked row is not asked, so that
 * it cannot be put back to a version before the last.
 */
export const headColumns = `v.id, v.version, v.document from mandates m cross join lateral (
  select id, version, document from mandate_versions where id = m.id order by version desc limit 1) v`;

/** Documents for those who read them; what authority rests on is asked of {@link soundDocuments}. */
export async function documents(
  on: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
): Promise<Mandate[]> {
  return (await rowsOf<{ document: Mandate }>(on, text, values)).map((row) => completed(row.document));
}

/** Documents with their `id` and `version`, as far as they are what was sealed here. */
export async function soundDocuments(
  on: pg.Pool | pg.PoolClient,
  seals: Seals,
  text: string,
  values: readonly unknown[],
): Promise<readonly Mandate[]> {
  return seals.sound(await rowsOf<StoredVersion>(on, text, values));
}

export async function rowsOf<Row extends pg.QueryResultRow>(
  on: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    return (await on.query<Row>(text, [...values])).rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}
