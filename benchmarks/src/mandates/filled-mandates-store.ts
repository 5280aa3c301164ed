import type { Mandate } from '@countersign/contracts';
import type pg from 'pg';
import { inBulk, inSlices } from '../growth/owner-pool.ts';
import { mandatesAGroup } from './lines.ts';

const slice = 1_250;

/** The id of a copy: of the group numbered n, the mandate at place p. */
export const idOfCopy = (group: number, place: number): string =>
  `mnd_${String(group * mandatesAGroup + place).padStart(26, '0')}`;

const numberOf = (place: string): string => `n * ${mandatesAGroup} + ${place}`;
const copyOf = (place: string): string => `'mnd_' || lpad((${numberOf(place)})::text, 26, '0')`;
/** Every model with its place in its group; groups of models take turns. */
const models = `
  model as (
    select (given.at - 1) / ${mandatesAGroup} as model, (given.at - 1) % ${mandatesAGroup} as place,
           (array_position($3::text[], m.parent_id) - 1) % ${mandatesAGroup} as parent_place, m.*
      from unnest($3::text[]) with ordinality as given (id, at)
      join consent_store.mandates m on m.id = given.id),
  copied as (
    select n, model.* from generate_series($1::bigint, $2::bigint) as n
      join model on model.model = n % (cardinality($3::text[]) / ${mandatesAGroup}))`;
/** In the order of what refers to what; all constraints hold for them. Of each copy there is the newest version alone. */
const inserts: readonly string[] = [
  `insert into consent_store.mandate_versions (id, version, document, digest, record_id, recorded_at)
   with ${models}
   select ${copyOf('place')}, v.version,
          v.document || jsonb_build_object('id', ${copyOf('place')}, 'recordId', 'rec_' || lpad((${numberOf('place')})::text, 26, '0'))
            || case when parent_place is null then '{}'
                    else jsonb_build_object('parent', v.document -> 'parent' || jsonb_build_object('id', ${copyOf('parent_place')})) end,
          v.digest, 'rec_' || lpad((${numberOf('place')})::text, 26, '0'), v.recorded_at
     from copied join consent_store.mandate_versions v on v.id = copied.id and v.version = copied.version
    order by 1`,
  `insert into consent_store.mandates
     (id, version, grantor_lei, grantee_lei, parent_id, status, kind, effective_until, look_at, noticed_days)
   with ${models}
   select ${copyOf('place')}, version, grantor_lei, grantee_lei, case when parent_place is not null then ${copyOf('parent_place')} end,
          status, kind, effective_until, look_at, noticed_days
     from copied order by 1`,
  `insert into consent_store.mandate_parties (lei, mandate_id, status, kind, effective_until)
   with ${models}
   select p.lei, ${copyOf('place')}, p.status, p.kind, p.effective_until
     from copied join consent_store.mandate_parties p on p.mandate_id = copied.id order by 1, 2`,
  `insert into consent_store.mandate_lines (ancestor_id, grantee_lei, mandate_id)
   with ${models}
   select ${copyOf(`((array_position($3::text[], l.ancestor_id) - 1) % ${mandatesAGroup})`)}, l.grantee_lei, ${copyOf('place')}
     from copied join consent_store.mandate_lines l on l.mandate_id = copied.id order by 1, 2, 3`,
];

/**
 * Makes copies of groups of mandates: whole lines, each under ids of its own.
 *
 * @param given ids of the models, group by group, each group in one order
 */
export async function fillMandates(
  owner: pg.Pool,
  given: readonly string[],
  groups: number,
  onProgress: (message: string) => void,
): Promise<void> {
  await inBulk(owner, async () => {
    await inSlices({ first: 0, count: groups, slice }, async (from, to) => {
      onProgress(`${((to + 1) * mandatesAGroup).toLocaleString('en-US')} mandates`);
      for (const insert of inserts) await owner.query(insert, [from, to, given]);
    });
  });
}

export async function countMandates(owner: pg.Pool): Promise<number> {
  const { rows } = await owner.query<{ count: string }>('select count(*) from consent_store.mandates');
  return Number(rows[0]?.count);
}

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
