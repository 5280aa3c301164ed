import { tryNamedLock } from '@countersign/runtime';
import type pg from 'pg';

export type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** A row as the driver returns it: 64-bit numbers are text. */
export type TextRow<Row, Name extends keyof Row> = Omit<Row, Name> & { readonly [name in Name]: string };

export function withIndex<Row extends { readonly index: string }>({ index, ...row }: Row) {
  return { ...row, index: BigInt(index) };
}

export function withSize<Row extends { readonly size: string }>({ size, ...row }: Row) {
  return { ...row, size: BigInt(size) };
}

/** Shared by projections of the log. @param turn lock of the node that does the work */
export function projecting(database: Queryable, turn: string) {
  return {
    /** For this transaction. @returns false if another node holds the lock */
    tryTurn: (): Promise<boolean> => tryNamedLock(database, turn),

    /** A projection can be rebuilt from the log, so it need not wait for the disk. */
    async needNotBeDurable(): Promise<void> {
      await database.query('set local synchronous_commit = off');
    },
  };
}
