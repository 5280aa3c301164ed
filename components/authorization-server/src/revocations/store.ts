import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** One placing or lifting at a time, on all nodes: what is lifted is the revocation that its record names, and no newer one. */
export async function lockRevocations(client: pg.PoolClient): Promise<void> {
  try {
    await client.query({
      name: 'revocations-lock',
      text: 'select only_row from revocation_tail where only_row for update',
    });
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** The table `revocation_tail`: one row. */
export function createTailStore(pool: pg.Pool) {
  return {
    /** The index of the last record that nobody needs to read again. */
    async position(): Promise<bigint> {
      try {
        const { rows } = await pool.query<{ position: string }>({
          name: 'revocation-tail-position',
          text: 'select position from revocation_tail where only_row',
        });
        return BigInt(rows[0]?.position ?? -1);
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    /** Never backwards: nodes move it independently. */
    async advance(position: bigint): Promise<void> {
      try {
        await pool.query({
          name: 'revocation-tail-advance',
          text: 'update revocation_tail set position = $1, updated_at = now() where only_row and position < $1',
          values: [position.toString()],
        });
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}
