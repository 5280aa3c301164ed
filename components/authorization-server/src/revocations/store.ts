import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
/** Serialises placing and lifting on all nodes. */
export async function lockRevocations(client: pg.PoolClient): Promise<void> {
  await ask(client, {
    name: 'revocations-lock',
    text: 'select only_row from revocation_tail where only_row for update',
    values: [],
  });
}

/** A forged position could make starting nodes skip revocations, so it needs a valid seal. An older one is safe. */
export function createTailStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (position: string) => ['revocation-tail', { position }] as const;
  return {
    /** The last record that need not be read again; -1 if unknown. */
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
    /** Never moves backwards. */
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
