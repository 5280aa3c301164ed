import type { RecordType } from '@countersign/contracts';
import { bodyOfEntry, type StoredEntry } from './entries.ts';
import { projecting, type Queryable } from './queryable.ts';

/** One thing that a record is asked to be, by an index that knows the places of all that are. */
export type Criterion =
  | { readonly by: 'term'; readonly term: bigint }
  | { readonly by: 'transaction'; readonly transaction: string }
  | { readonly by: 'types'; readonly types: readonly RecordType[] }
  /** The term, or the record itself. */
  | { readonly by: 'record'; readonly record: string; readonly term: bigint }
  /** Nothing: every record. */
  | { readonly by: 'place' };

/** The places of a term in one page of the log. */
export interface DrawnTerm {
  readonly term: bigint;
  readonly first: bigint;
  /** How far behind the first, rising; distances are kept as 16 bits, and pages are shorter than they reach. */
  readonly others: readonly number[];
}

/** Terms that were there before, under the same first place, and with other places behind it. */
async function differingTerms(database: Queryable, drawn: readonly unknown[]): Promise<readonly bigint[]> {
  const { rows } = await database.query<{ term: string }>(
    `select drawn.term from unnest($1::bigint[], $2::bigint[], $3::text[]) as drawn (term, first, others)
       join terms using (term, first)
      where terms.others is distinct from string_to_array(nullif(drawn.others, ''), ',')::smallint[]`,
    [...drawn],
  );
  return rows.map(({ term }) => BigInt(term));
}

/** Places between two, both exclusive, as many as fit. */
export interface PlaceRange {
  readonly after: bigint;
  readonly before: bigint;
  readonly limit: number;
}

/** What the owner of the database does so that the terms of all records are drawn again. */
export const drawAgain = 'truncate terms, terms_drawn';

/** Lock of the node that extracts terms: one at a time. */
const turn = 'terms';

/** The questions of the projection by which evidence is found. */
export function termStore(database: Queryable) {
  return {
    ...projecting(database, turn),

    /** Records before this place have their terms, as its seal says. */
    async drawn(rule: number): Promise<{ readonly size: bigint; readonly seal: Buffer | null }> {
      const { rows } = await database.query<{ size: string; seal: Buffer | null }>(
        'select size, seal from terms_drawn where rule = $1',
        [rule],
      );
      return { size: BigInt(rows[0]?.size ?? 0), seal: rows[0]?.seal ?? null };
    },

    /** @returns terms of which other places were there than these; undefined when somebody else was there first */
    async draw(
      rule: number,
      {
        from,
        to,
        terms,
        seal,
      }: { readonly from: bigint; readonly to: bigint; readonly terms: readonly DrawnTerm[]; readonly seal: Buffer },
    ): Promise<{ readonly differing: readonly bigint[] } | undefined> {
      const drawn = [
        terms.map(({ term }) => term.toString()),
        terms.map(({ first }) => first.toString()),
        terms.map(({ others }) => others.join()),
      ];
      const { rowCount } = await database.query(
        `insert into terms (term, first, others)
         select term, first, string_to_array(nullif(others, ''), ',')::smallint[]
           from unnest($1::bigint[], $2::bigint[], $3::text[]) as drawn (term, first, others) order by term
             on conflict do nothing`,
        drawn,
      );
      const differing = rowCount === terms.length ? [] : await differingTerms(database, drawn);
      await database.query('insert into terms_drawn (rule, size) values ($1, 0) on conflict do nothing', [rule]);
      const { rows } = await database.query<{ moved: boolean | null }>(
        'select terms_were_drawn($1, $2, $3, $4) as moved',
        [rule, from, to, seal],
      );
      return rows[0]?.moved === true ? { differing } : undefined;
    },

    /** The first places of each of the criteria, in their order. */
    async places(criteria: readonly Criterion[], { after, before, limit }: PlaceRange): Promise<readonly bigint[][]> {
      const values: unknown[] = [after, before, limit];
      const parts = criteria.map(
        (criterion, number) => `select ${number} as number, index from (${placesOf(criterion)}) as of_${number}`,
      );
      const { rows } = await database.query<{ number: number; index: string }>(
        `${parts.join(' union all ')} order by number, index`,
        values,
      );
      const found: bigint[][] = criteria.map(() => []);
      for (const { number, index } of rows) found[number]?.push(BigInt(index));
      return found;

      function placesOf(criterion: Criterion): string {
        const within = 'index > $1::bigint and index < $2::bigint';
        switch (criterion.by) {
          case 'term':
            return `${placesOfTerm(values.push(criterion.term))} order by index limit $3`;
          case 'record':
            return `(${placesOfTerm(values.push(criterion.term))} order by index limit $3)
                     union (select index from entries where record_id = $${values.push(criterion.record)} and ${within})
                     order by index limit $3`;
          case 'transaction':
            return `select index from entries where transaction = $${values.push(criterion.transaction)} and ${within} order by transaction, index limit $3`;
          case 'types':
            // A type at a time, by the index over type and place; compared as one, so that the planner stays with it.
            return `select of_type_place.index
                      from unnest($${values.push([...new Set(criterion.types)])}::text[]) as wanted (of_type)
                     cross join lateral (
                       select entries.index from entries
                        where (type, index) > (of_type collate "C", $1::bigint)
                          and (type, index) < (of_type collate "C", $2::bigint)
                        order by type, index limit $3) as of_type_place
                     order by of_type_place.index limit $3`;
          case 'place':
            return `select index from entries where ${within} order by index limit $3`;
        }
      }
    },

    /** Those of these places that meet the criterion, in order. */
    async among(criterion: Criterion, places: readonly bigint[]): Promise<readonly bigint[]> {
      const [text, value] = meeting(criterion);
      const { rows } = await database.query<{ index: string }>(
        `select index from ${text} and index = any($1::bigint[]) order by index`,
        [places.map(String), ...value],
      );
      return rows.map(({ index }) => BigInt(index));
    },

    /** The entries at these places, in order, as far as their bodies are there. */
    async at(places: readonly bigint[]): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<{
        index: string;
        body: Buffer | null;
        leaf_hash: Buffer;
        record_id: string;
        seal: Buffer | null;
      }>(
        `select entries.index, ${bodyOfEntry} as body, leaf_hash, record_id, seal from entries where index = any($1::bigint[]) order by index`,
        [places.map(String)],
      );
      return rows.flatMap(({ index, body, leaf_hash: leafHash, record_id: recordId, seal }) =>
        body === null ? [] : [{ index: BigInt(index), bytes: body, leafHash, recordId, seal }],
      );
    },
  };
}

/** Of a term: its places between the two, from the page that the earlier one is in. */
function placesOfTerm(parameter: number): string {
  const ofTerm = `term = $${parameter}::bigint`;
  return `select first + distance as index
            from (select first, others from terms
                   where ${ofTerm} and first < $2::bigint
                     and first >= coalesce((select max(first) from terms where ${ofTerm} and first <= $1::bigint), 0)
                   order by first limit $3 + 1) as page
           cross join lateral (select 0 as distance union all select unnest(others)) as place
           where first + distance > $1::bigint and first + distance < $2::bigint`;
}

/** Those of the places asked about that have the term: each looked up in the page that it would be in. */
const havingTerm = `select asked.index
    from unnest($1::bigint[]) as asked (index)
   cross join lateral (
     select first, others from terms where term = $2::bigint and first <= asked.index order by first desc limit 1) as page
   where first = asked.index or asked.index - first = any(others)`;

function meeting(criterion: Criterion): readonly [string, readonly unknown[]] {
  switch (criterion.by) {
    case 'term':
      return [`(${havingTerm}) as found where true`, [criterion.term]];
    case 'record':
      return [
        `(${havingTerm} union select index from entries where record_id = $3) as found where true`,
        [criterion.term, criterion.record],
      ];
    case 'transaction':
      return ['entries where transaction = $2', [criterion.transaction]];
    case 'types':
      return ['entries where type = any($2)', [criterion.types]];
    case 'place':
      return ['entries where true', []];
  }
}

export type TermStore = ReturnType<typeof termStore>;
