import type { Mandate } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import { completed, type Seals, type StoredVersion } from '../stored-version.ts';

/** The newest version of a mandate according to its newest record; among the rows, the highest stored version. */
export async function newestVersion(
  on: pg.Pool | pg.PoolClient,
  seals: Seals,
  id: MandateId,
): Promise<{ readonly mandate: Mandate | undefined; readonly kept: number }> {
  const rows = await rowsOf<StoredVersion>(
    on,
    'select id, version, document from mandate_versions where id = $1 order by version desc limit 1',
    [id],
  );
  const [mandate] = await seals.newest([id], rows);
  return { mandate, kept: rows[0]?.version ?? 0 };
}

/** Documents for display. Decisions about authority use {@link soundDocuments}. */
export async function documents(
  on: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
): Promise<Mandate[]> {
  return (await rowsOf<{ document: Mandate }>(on, text, values)).map((row) => completed(row.document));
}

/** Documents with their `id` and `version`, without those that this component did not seal. */
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
