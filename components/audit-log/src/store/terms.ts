import type { RecordType } from '@countersign/contracts';
import { keptBody, type StoredEntry, storedEntry } from './entries.ts';
import { projecting, type Queryable, type TextRow, withIndex } from './queryable.ts';

/** One criterion of a query, answered by an index. */
export type Criterion =
  | { readonly by: 'term'; readonly term: bigint }
  | { readonly by: 'transaction'; readonly transaction: string }
  | { readonly by: 'types'; readonly types: readonly RecordType[] }
  /** The term, or the record itself. */
  | { readonly by: 'record'; readonly record: string; readonly term: bigint }
  | { readonly by: 'place' };

export interface IndexedTerm {
  readonly term: bigint;
  readonly first: bigint;
  /** Distances from the first, ascending; stored as 16 bits, which a page never exceeds. */
  readonly others: readonly number[];
}

/** Terms that already exist with the same first place but other places behind it. */
async function differingTerms(database: Queryable, columns: readonly unknown[]): Promise<readonly bigint[]> {
  const { rows } = await database.query<{ term: string }>(
    `select drawn.term from unnest($1::bigint[], $2::bigint[], $3::text[]) as drawn (term, first, others)
       join terms using (term, first)
      where terms.others is distinct from string_to_array(nullif(drawn.others, ''), ',')::smallint[]`,
    [...columns],
  );
  return rows.map(({ term }) => BigInt(term));
}

/** Both exclusive. */
export interface PlaceRange {
  readonly after: bigint;
  readonly before: bigint;
  readonly limit: number;
}

/** SQL with which the owner of the database rebuilds the index. */
export const resetIndex = 'truncate terms, terms_drawn';

const turn = 'terms';

export function termStore(database: Queryable) {
  return {
    ...projecting(database, turn),

    /** Records before this place are indexed. */
    async indexed(rule: number): Promise<{ readonly size: bigint; readonly seal: Buffer | null }> {
      const { rows } = await database.query<{ size: string; seal: Buffer | null }>(
        'select size, seal from terms_drawn where rule = $1',
        [rule],
      );
      return { size: BigInt(rows[0]?.size ?? 0), seal: rows[0]?.seal ?? null };
    },

    /** @returns terms that differ from existing rows; undefined if another node was faster */
    async addPage(
      rule: number,
      page: {
        readonly from: bigint;
        readonly to: bigint;
        readonly terms: readonly IndexedTerm[];
        readonly seal: Buffer;
      },
    ): Promise<{ readonly differing: readonly bigint[] } | undefined> {
      const { from, to, terms, seal } = page;
      const columns = [
        terms.map(({ term }) => term.toString()),
        terms.map(({ first }) => first.toString()),
        terms.map(({ others }) => others.join()),
      ];
      const { rowCount } = await database.query(
        `insert into terms (term, first, others)
         select term, first, string_to_array(nullif(others, ''), ',')::smallint[]
           from unnest($1::bigint[], $2::bigint[], $3::text[]) as drawn (term, first, others) order by term
             on conflict do nothing`,
        columns,
      );
      const differing = rowCount === terms.length ? [] : await differingTerms(database, columns);
      await database.query('insert into terms_drawn (rule, size) values ($1, 0) on conflict do nothing', [rule]);
      const { rows } = await database.query<{ moved: boolean | null }>(
        'select terms_were_drawn($1, $2, $3, $4) as moved',
        [rule, from, to, seal],
      );
      return rows[0]?.moved === true ? { differing } : undefined;
    },

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
            // One index range per type; compared as one, so that the planner uses that index.
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

    async among(criterion: Criterion, places: readonly bigint[]): Promise<readonly bigint[]> {
      const [text, value] = meeting(criterion);
      const { rows } = await database.query<{ index: string }>(
        `select index from ${text} and index = any($1::bigint[]) order by index`,
        [places.map(String), ...value],
      );
      return rows.map(({ index }) => BigInt(index));
    },

    /** Pruned ones are left out. */
    async at(places: readonly bigint[]): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<TextRow<StoredEntry, 'index'>>(
        `select ${storedEntry} from entries ${keptBody}
          where entries.index = any($1::bigint[]) and kept.body is not null order by entries.index`,
        [places.map(String)],
      );
      return rows.map(withIndex);
    },
  };
}

/** Begins at the page that contains `after`. */
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

/** Looks up each place in the page that would contain it. */
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
