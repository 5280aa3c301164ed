import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';

/**
 * One placing or lifting at a time on all nodes, so that lifting affects the revocation that its record names and no newer
 * one.
 */
export async function lockRevocations(client: pg.PoolClient): Promise<void> {
  await ask(client, {
    name: 'revocations-lock',
    text: 'select only_row from revocation_tail where only_row for update',
    values: [],
  });
}

/**
 * The table `revocation_tail`: one row. A position is accepted only with the seal of one of our processes. Otherwise an
 * attacker could move it ahead, and starting nodes would skip revocations. An older sealed position is safe: the node reads
 * on from it.
 */
export function createTailStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (position: string) => ['revocation-tail', { position }] as const;
  return {
    /** The index of the last record that need not be read again; -1 (read from the first record) if unknown. */
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
    /** Never moves backwards: nodes update it independently. */
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
