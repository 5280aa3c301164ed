import type { DevicePosture } from '@countersign/contracts';
import { notifyAfterCommit, type RowSeal, takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import { ask } from './ask.ts';

export interface StoredPosture {
  readonly device: string;
  /** LEI, of the feed. */
  readonly institution: string;
  readonly posture: DevicePosture['posture'];
  readonly postureAt: Date;
  readonly failed: readonly string[];
  readonly source: string;
}

/** A row, and whether one of our processes wrote it. */
export interface KeptPosture {
  readonly posture: StoredPosture;
  readonly sealed: boolean;
}

type Row = StoredPosture & { readonly seal: Buffer | null };

/** Channel that notifies nodes of reports. */
export const posturesChannel = 'device_postures';

const columns = `device, institution, posture, posture_at as "postureAt", failed, source, seal`;

export function createPostureStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = ({ device, institution, posture, postureAt, failed, source }: StoredPosture) =>
    [
      `posture/${device}`,
      { institution, posture, posture_at: postureAt.getTime(), failed: [...failed], source },
    ] as const;
  const kept = ({ seal, ...posture }: Row): KeptPosture => ({
    posture,
    sealed: rowSeal.holds(...sealed(posture), seal),
  });

  return {
    /** Locks out other reports of the institution. @returns milliseconds since the epoch up to which the feed has been read */
    async lockFeed(session: pg.PoolClient, name: string, institution: string): Promise<number> {
      await takeNamedLock(session, `postures of ${institution}`);
      await ask(session, {
        name: 'feed-there',
        text: `insert into feeds (name, issued_at) values ($1, to_timestamp(0)) on conflict (name) do nothing`,
        values: [name],
      });
      const [row] = await ask<{ issuedAt: Date }>(session, {
        name: 'feed-lock',
        text: 'select issued_at as "issuedAt" from feeds where name = $1',
        values: [name],
      });
      return row?.issuedAt.getTime() ?? 0;
    },

    async advanceFeed(session: pg.PoolClient, name: string, issuedAt: number): Promise<void> {
      await ask(session, {
        name: 'feed-advance',
        text: 'update feeds set issued_at = $2 where name = $1',
        values: [name, new Date(issuedAt)],
      });
    },

    async of(devices: readonly string[], session: pg.PoolClient | pg.Pool = pool): Promise<readonly KeptPosture[]> {
      const rows = await ask<Row>(session, {
        name: 'postures-of',
        text: `select ${columns} from postures where device = any($1)`,
        values: [devices],
      });
      return rows.map(kept);
    },

    /** Last in a transaction: it serialises writers of postures, so that change numbers grow in commit order. */
    async put(session: pg.PoolClient, postures: readonly StoredPosture[]): Promise<void> {
      if (postures.length === 0) return;
      const [row] = await ask<{ newest: string }>(session, {
        name: 'postures-change',
        text: 'update changes set newest = newest + $1 returning newest',
        values: [postures.length],
      });
      const first = BigInt(row?.newest ?? 0) - BigInt(postures.length) + 1n;
      await ask(session, {
        name: 'postures-put',
        text: `insert into postures (device, institution, posture, posture_at, failed, source, change, seal)
               select device, institution, posture, "postureAt", array(select jsonb_array_elements_text(failed)), source,
                      $2::bigint + number - 1, decode(seal, 'hex')
                 from rows from (jsonb_to_recordset($1) as (device text, institution text, posture text,
                                 "postureAt" timestamptz, failed jsonb, source text, seal text))
                      with ordinality as given (device, institution, posture, "postureAt", failed, source, seal, number)
               on conflict (device) do update
                  set institution = excluded.institution, posture = excluded.posture, posture_at = excluded.posture_at,
                      failed = excluded.failed, source = excluded.source, change = excluded.change,
                      seal = excluded.seal`,
        values: [
          JSON.stringify(postures.map((each) => ({ ...each, seal: rowSeal.seal(...sealed(each)).toString('hex') }))),
          first.toString(),
        ],
      });
      notifyAfterCommit(session, posturesChannel);
    },

    /** Committed after `known`, oldest first. */
    async after(
      known: bigint,
      limit: number,
    ): Promise<{ readonly postures: readonly KeptPosture[]; readonly newest: bigint }> {
      const rows = await ask<Row & { change: string }>(pool, {
        name: 'postures-after',
        text: `select ${columns}, change::text from postures where change > $1 order by change limit $2`,
        values: [known.toString(), limit],
      });
      return { postures: rows.map(({ change: _, ...row }) => kept(row)), newest: BigInt(rows.at(-1)?.change ?? known) };
    },
  };
}

export type PostureStore = ReturnType<typeof createPostureStore>;
