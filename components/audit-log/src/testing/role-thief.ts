import { type RecordDraft, retentionClassOf } from '@countersign/contracts';
import { type RecordId, toInstant } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import type pg from 'pg';
import { draft } from './rig.ts';

/** What an attacker with the password of the log's database role writes into it, forged as well as possible. */
export interface RoleThief {
  readonly pool: pg.Pool;
  /** Inserts a record as the log would have written it, except for its seal. @returns its position */
  forge(members: Partial<RecordDraft>, options?: { readonly at?: bigint; readonly seal?: Buffer }): Promise<Forged>;
}

export interface Forged {
  readonly id: RecordId;
  readonly index: bigint;
}

/** @param pool connections as the role itself */
export function createRoleThief(pool: pg.Pool, clock: { readonly now: () => number }): RoleThief {
  return {
    pool,
    async forge(members, { at, seal } = {}) {
      const { id, ...rest } = draft(members);
      const { rows } = await pool.query<{ size: string; body: Buffer }>(
        `select (select max(index) + 1 from entries) as size, body from bodies order by index desc limit 1`,
      );
      const index = at ?? BigInt(rows[0]?.size ?? 0);
      const stream = /"stream":"(src_\w+)"/.exec(rows[0]?.body.toString() ?? '')?.[1];
      const time = clock.now();
      const body = Buffer.from(JSON.stringify({ v: 2, time: toInstant(time), stream, number: 1_000_000, id, ...rest }));
      const shard = retentionClassOf(rest.type);
      await pool.query(
        `insert into entries (index, record_id, type, transaction, leaf_hash, seal, class, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [index, id, rest.type, rest.transaction ?? null, hashLeaf(body), seal ?? null, shard, time],
      );
      await pool.query('insert into bodies (class, index, body) values ($1, $2, $3)', [shard, index, body]);
      return { id, index };
    },
  };
}
