import type { Mandate } from '@countersign/contracts';
import type pg from 'pg';

/** The least that a store without a memory could do: one query by keys, for the mandate and everything above it. */
export async function lineFromDatabase(pool: pg.Pool, id: string): Promise<readonly Mandate[]> {
  const { rows } = await pool.query<{ document: Mandate }>({
    name: 'benchmark-line',
    text: `with recursive line (id, parent_id, version, place) as (
             select id, parent_id, version, 1 from mandates where id = $1
             union all
             select m.id, m.parent_id, m.version, line.place + 1 from line join mandates m on m.id = line.parent_id)
           select v.document from line join mandate_versions v on v.id = line.id and v.version = line.version order by line.place`,
    values: [id],
  });
  return rows.map(({ document }) => document);
}
