import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

export type Connection = pg.Pool | pg.PoolClient;
/** Times come from the driver as dates and are promised as RFC 3339. */
export type Dated<Row, Column extends keyof Row> = Omit<Row, Column> & { readonly [C in Column]: Date };

/** Rows were written by this component from parsed values, so they are taken at their word. */
export async function many<Row extends object>(
  on: Connection,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    return (await on.query<Row>(text, [...values])).rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

export async function one<Row extends object>(
  on: Connection,
  text: string,
  values: readonly unknown[],
): Promise<Row | undefined> {
  return (await many<Row>(on, text, values))[0];
}
