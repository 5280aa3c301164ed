import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** Progress of stamping, for the holder of the turn. */
export interface Held {
  readonly turn: string;
  /** Place of the last examined record. */
  readonly position: bigint;
  readonly checkpointSize: bigint;
  /** Milliseconds since the epoch. */
  readonly checkpointAt: number | undefined;
}

export function createStore(pool: pg.Pool) {
  return {
    async certificateOf(kid: string): Promise<Uint8Array | undefined> {
      const { rows } = await ask<{ certificate: Buffer }>(pool, 'select certificate from certificates where kid = $1', [
        kid,
      ]);
      return rows[0]?.certificate;
    },

    /** Newest first. */
    async certificatesOf(kids: readonly string[]): Promise<readonly Uint8Array[]> {
      const { rows } = await ask<{ certificate: Buffer }>(
        pool,
        'select certificate from certificates where kid = any($1) order by issued_at desc, kid',
        [kids],
      );
      return rows.map(({ certificate }) => certificate);
    },

    /** @returns the stored certificate, which may come from another node */
    async keepCertificate(made: {
      readonly kid: string;
      readonly certificate: Uint8Array;
      readonly notAfter: number;
      readonly issuedAt: number;
    }): Promise<Uint8Array> {
      const { rows } = await ask<{ certificate: Buffer }>(
        pool,
        `with made as (
           insert into certificates (kid, certificate, not_after, issued_at)
           values ($1, $2, to_timestamp($3::float8 / 1000.0), to_timestamp($4::float8 / 1000.0))
           on conflict (kid) do nothing
           returning certificate)
         select certificate from made
         union all
         select certificate from certificates where kid = $1
         limit 1`,
        [made.kid, made.certificate, made.notAfter, made.issuedAt],
      );
      // Another node committed it after this statement started.
      const kept = rows[0]?.certificate ?? (await this.certificateOf(made.kid));
      if (kept === undefined) throw new Error(`the certificate of key ${made.kid} was stored but cannot be found`);
      return kept;
    },

    /** Where stamping starts. Older records are not stamped. */
    async start(position: bigint): Promise<void> {
      await ask(pool, 'insert into stamping (position) values ($1) on conflict (only_row) do nothing', [position]);
    },

    async hasStarted(): Promise<boolean> {
      const { rows } = await ask<{ started: boolean }>(pool, 'select exists (select from stamping) as started', []);
      return rows[0]?.started === true;
    },

    /** Takes the turn or keeps it. @returns undefined while another node holds it, or before {@link start} */
    async hold(own: string | undefined, holdMs: number): Promise<Held | undefined> {
      const { rows } = await ask<
        Record<'turn' | 'position' | 'checkpoint_size', string> & { checkpoint_at: Date | null }
      >(
        pool,
        `update stamping
            set turn = case when turn = $1 then turn else turn + 1 end,
                held_until = clock_timestamp() + $2 * interval '1 millisecond'
          where turn = $1 or held_until is null or held_until <= clock_timestamp()
          returning turn, position, checkpoint_size, checkpoint_at`,
        [own ?? '-1', holdMs],
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      return {
        turn: row.turn,
        position: BigInt(row.position),
        checkpointSize: BigInt(row.checkpoint_size),
        checkpointAt: row.checkpoint_at?.getTime(),
      };
    },

    /** @returns false if another node holds the turn */
    async advance({ turn }: Held, position: bigint): Promise<boolean> {
      const { rowCount } = await ask(pool, 'update stamping set position = $2 where turn = $1 and position < $2', [
        turn,
        position,
      ]);
      return rowCount === 1;
    },

    async checkpointStamped({ turn }: Held, size: bigint, at: number): Promise<boolean> {
      const { rowCount } = await ask(
        pool,
        `update stamping set checkpoint_size = $2, checkpoint_at = to_timestamp($3::float8 / 1000.0) where turn = $1`,
        [turn, size, at],
      );
      return rowCount === 1;
    },

    async release(turn: string): Promise<void> {
      await ask(pool, 'update stamping set held_until = null where turn = $1', [turn]);
    },
  };
}
export type Store = ReturnType<typeof createStore>;
