import type pg from 'pg';

/** What is left of sign-ins in the tables of the component, as who owns the database reads it. */
export function signInLedgerStore(owner: pg.Pool) {
  return {
    /** Ids of the sessions that began and have not ended, with whose they are. */
    async sessions(): Promise<ReadonlyMap<string, string>> {
      const { rows } = await owner.query<{ id: string; person: string }>(
        'select id, person from authentication.sessions where ended_at is null',
      );
      return new Map(rows.map(({ id, person }) => [id, person]));
    },
    /** By person, the newest count of their key. */
    async counters(): Promise<ReadonlyMap<string, number>> {
      const { rows } = await owner.query<{ person: string; counter: string }>(
        'select person, counter from authentication.authenticators where removed_at is null',
      );
      return new Map(rows.map(({ person, counter }) => [person, Number(counter)]));
    },
    /** Sign-ins that were begun and led nowhere. */
    async unfinished(): Promise<number> {
      const { rows } = await owner.query<{ n: number }>(
        'select count(*)::int as n from authentication.sign_ins where finished_at is null',
      );
      return rows[0]?.n ?? 0;
    },
  };
}
