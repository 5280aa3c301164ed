import type { Mandate } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import type { Seals, StoredVersion } from '../stored-version.ts';

/** A mandate with all its ancestors and the sub-mandates that an institution holds. */
export interface LoadedLines {
  readonly mandates: readonly Mandate[];
  readonly below: readonly MandateId[];
}

export function createViewStore(pool: pg.Pool, seals: Seals) {
  const query = async <Row extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) => {
    try {
      return (await pool.query<Row>({ name, text, values })).rows;
    } catch (error) {
      throw databaseFailure(error);
    }
  };
  return {
    /**
     * Reads in one query the mandate, the institution's sub-mandates below it, and all their ancestors.
     * @param most limit of the sub-mandates; active ones come first
     */
    async lines(id: MandateId, holder: Lei, most: number): Promise<LoadedLines> {
      const rows = await query<StoredVersion & { held: boolean }>(
        'mandate-lines',
        // Lateral joins with a limit force a look-up by key for each row, whatever the planner's statistics say.
        `with recursive held (id) as materialized (
           select l.mandate_id
             from mandate_lines l
             cross join lateral (select status, grantee_lei from mandates where id = l.mandate_id limit 1) m
            where l.ancestor_id = $1 and l.grantee_lei = $2 and m.grantee_lei = $2
            order by m.status = 'active' desc, l.mandate_id limit $3),
         line (id) as (
           select $1::text union select id from held
           union
           select m.parent_id
             from line cross join lateral (select parent_id from mandates where id = line.id limit 1) m
            where m.parent_id is not null)
         select line.id, v.version, v.document, exists (select from held where held.id = line.id) as held
           from line
           cross join lateral (select from mandates where id = line.id limit 1) m
           cross join lateral (
             select version, document from mandate_versions where id = line.id order by version desc limit 1) v`,
        [id, holder, most],
      );
      const mandates = await seals.newest([...new Set([id, ...rows.map((row) => row.id)])], rows);
      const below = new Set(rows.filter(({ held }) => held).map(({ id }) => id));
      return { mandates, below: mandates.map(({ id }) => id).filter((each) => below.has(each)) };
    },
  };
}
export type ViewStore = ReturnType<typeof createViewStore>;
