import type { Queryable } from './queryable.ts';

/**
 * What a projection of the log asks before it goes on, inside its transaction.
 *
 * @param turn the advisory lock of whoever works at it: one node at a time
 */
export function projecting(database: Queryable, turn: string) {
  return {
    /** For this transaction. @returns false when another node works at it at the moment */
    async tryTurn(): Promise<boolean> {
      const { rows } = await database.query<{ mine: boolean }>(`select pg_try_advisory_xact_lock(${turn}) as mine`);
      return rows[0]?.mine === true;
    },

    /** All of it can be drawn again from the log: losing the last in a crash costs nothing, waiting for the disk would. */
    async needNotBeDurable(): Promise<void> {
      await database.query('set local synchronous_commit = off');
    },
  };
}
