import { tryNamedLock } from '@countersign/runtime';
import type pg from 'pg';

/** A pool, or one connection of it inside a transaction. */
export type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/**
 * Queries shared by projections of the log, inside their transaction.
 *
 * @param turn the named lock of the node that does the work: one at a time
 */
export function projecting(database: Queryable, turn: string) {
  return {
    /** For this transaction. @returns false when another node works at it at the moment */
    tryTurn: (): Promise<boolean> => tryNamedLock(database, turn),

    /** All of it can be drawn again from the log: losing the last in a crash costs nothing, waiting for the disk would. */
    async needNotBeDurable(): Promise<void> {
      await database.query('set local synchronous_commit = off');
    },
  };
}
