import { type Digest, parseDigest, type RecordId } from '@countersign/kernel';
import { ask, notifyAfterCommit, transaction } from '@countersign/runtime';
import type pg from 'pg';

/** PostgreSQL notifies this channel of each new divergence. */
export const divergenceChannel = 'policy_engine_divergences';

interface Divergence {
  readonly hash: Digest;
  readonly version: number;
  readonly recordId: RecordId;
  readonly foundAt: string;
}

export function createDivergenceStore(pool: pg.Pool) {
  return {
    /** Keeps the first divergence of a bundle. */
    insert: ({ hash, version, recordId, foundAt }: Divergence): Promise<void> =>
      transaction(pool, async (client) => {
        await client.query(
          `insert into policy_divergences (policy_hash, policy_version, record_id, found_at)
           values ($1, $2, $3, $4) on conflict (policy_hash) do nothing`,
          [hash, version, recordId, foundAt],
        );
        notifyAfterCommit(client, divergenceChannel);
      }),
    /** Hashes of the latest thousand diverging bundles. */
    async hashes(): Promise<readonly Digest[]> {
      const { rows } = await ask<{ policy_hash: string }>(
        pool,
        'select policy_hash from policy_divergences order by found_at desc limit 1000',
      );
      return rows.flatMap(({ policy_hash }) => parseDigest(policy_hash) ?? []);
    },
  };
}
