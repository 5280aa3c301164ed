import type { Mandate } from '@countersign/contracts';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** The newest version of each mandate. */
export const headColumns = `v.document from mandates m join mandate_versions v on v.id = m.id and v.version = m.version`;

/** Documents are written by this component alone and never changed, so they are taken at their word. */
export async function documents(
  on: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
): Promise<Mandate[]> {
  return (await rowsOf<{ document: Mandate }>(on, text, values)).map((row) => completed(row.document));
}

/** Versions made before consents were kept hold none: they are read as an empty list, and their digest does not cover it. */
export function completed(
  document: Mandate | (Omit<Mandate, 'consents'> & { readonly consents?: undefined }),
): Mandate {
  return document.consents === undefined ? { ...document, consents: [] } : document;
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
