import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';

/** One placing or lifting at a time, on all nodes: what is lifted is the revocation that its record names, and no newer one. */
export async function lockRevocations(client: pg.PoolClient): Promise<void> {
  await ask(client, {
    name: 'revocations-lock',
    text: 'select only_row from revocation_tail where only_row for update',
    values: [],
  });
}

/**
 * The table `revocation_tail`: one row. A position is believed with the seal of one of our processes: whoever could move it
 * ahead would have every node that starts pass over what was revoked. An older one with its seal is read on from, as any.
 */
export function createTailStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (position: string) => ['revocation-tail', { position }] as const;
  return {
    /** The index of the last record that nobody needs to read again; -1, from the first record on, where that is unknown. */
    async position(): Promise<bigint> {
      const { rows } = await ask<{ position: string; seal: Buffer | null }>(pool, {
        name: 'revocation-tail-position',
        text: 'select position, seal from revocation_tail where only_row',
        values: [],
      });
      const [row] = rows;
      if (row !== undefined && rowSeal.holds(...sealed(row.position), row.seal)) return BigInt(row.position);
      await ask(pool, {
        name: 'revocation-tail-reset',
        text: `insert into revocation_tail (position) values (-1)
                 on conflict (only_row) do update set position = -1, seal = null`,
        values: [],
      });
      return -1n;
    },
    /** Never backwards: nodes move it independently. */
    async advance(position: bigint): Promise<void> {
      await ask(pool, {
        name: 'revocation-tail-advance',
        text: `update revocation_tail set position = $1, seal = $2, updated_at = now()
                  where only_row and position < $1`,
        values: [position.toString(), rowSeal.seal(...sealed(position.toString()))],
      });
    },
  };
}
