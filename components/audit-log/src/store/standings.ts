import { type Queryable, type TextRow, withIndex } from './queryable.ts';

export interface StoredStanding {
  readonly subject: string;
  readonly index: bigint;
  /** Null once it has ended. */
  readonly digest: Buffer | null;
  /** Null for standings older than the seals. */
  readonly seal: Buffer | null;
}

/** With the id of its record; empty if the log has no such entry. */
export interface RecordedStanding extends StoredStanding {
  readonly recordId: string;
}

/** The newest standing of each thing. */
export function standingStore(database: Queryable) {
  return {
    async newestStandings(subjects: readonly string[]): Promise<readonly RecordedStanding[]> {
      const { rows } = await database.query<TextRow<RecordedStanding, 'index'>>({
        name: 'audit-log-newest-standings',
        text: `select wanted.subject, newest.index, newest.digest, newest.seal, coalesce(entries.record_id, '') as "recordId"
                 from unnest($1::text[]) as wanted (subject)
                cross join lateral (
                  select index, digest, seal from standings where standings.subject = wanted.subject collate "C" order by index desc limit 1
                ) as newest
                 left join entries on entries.index = newest.index`,
        values: [subjects],
      });
      return rows.map(withIndex);
    },

    /** Subjects behind `after` that begin with `prefix`, ascending; ended ones too. */
    async newestStandingsUnder(prefix: string, after: string, limit: number): Promise<readonly RecordedStanding[]> {
      const { rows } = await database.query<TextRow<RecordedStanding, 'index'>>({
        name: 'audit-log-standings-under',
        text: `select newest.subject, newest.index, newest.digest, newest.seal, coalesce(entries.record_id, '') as "recordId"
                 from (select distinct on (subject) subject, index, digest, seal from standings
                        where subject > greatest($1::text collate "C", $2) and subject < $4
                        order by subject, index desc limit $3) as newest
                 left join entries on entries.index = newest.index
                order by newest.subject`,
        // Names are printable ASCII (`Standing`), so none with the prefix sorts behind this.
        values: [prefix, after, limit, `${prefix}\u007f`],
      });
      return rows.map(withIndex);
    },

    /** The last subject under each prefix; an ended one too. */
    async lastStandingsUnder(
      prefixes: readonly string[],
    ): Promise<readonly (RecordedStanding & { readonly prefix: string })[]> {
      const { rows } = await database.query<TextRow<RecordedStanding, 'index'> & { readonly prefix: string }>({
        name: 'audit-log-last-standings-under',
        text: `select wanted.prefix, last.subject, last.index, last.digest, last.seal, coalesce(entries.record_id, '') as "recordId"
                 from unnest($1::text[], $2::text[]) as wanted (prefix, past)
                cross join lateral (
                  select subject, index, digest, seal from standings
                   where subject > wanted.prefix collate "C" and subject < wanted.past collate "C"
                   order by subject desc, index desc limit 1
                ) as last
                 left join entries on entries.index = last.index`,
        values: [prefixes, prefixes.map((prefix) => `${prefix}\u007f`)],
      });
      return rows.map(withIndex);
    },

    async standingsBetween(first: bigint, past: bigint): Promise<readonly StoredStanding[]> {
      const { rows } = await database.query<TextRow<StoredStanding, 'index'>>(
        'select subject, index, digest, seal from standings where index >= $1 and index < $2 order by index, subject',
        [first, past],
      );
      return rows.map(withIndex);
    },
  };
}
