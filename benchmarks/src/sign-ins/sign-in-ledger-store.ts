import type pg from 'pg';

/** Reads the tables of the component with the account that owns the database. */
export function signInLedgerStore(owner: pg.Pool) {
  return {
    async sessions(): Promise<ReadonlyMap<string, string>> {
      const { rows } = await owner.query<{ id: string; person: string }>(
        'select id, person from authentication.sessions where ended_at is null',
      );
      return new Map(rows.map(({ id, person }) => [id, person]));
    },
    async counters(): Promise<ReadonlyMap<string, number>> {
      const { rows } = await owner.query<{ person: string; counter: string }>(
        'select person, counter from authentication.authenticators where removed_at is null',
      );
      return new Map(rows.map(({ person, counter }) => [person, Number(counter)]));
    },
    async unfinished(): Promise<number> {
      const { rows } = await owner.query<{ n: number }>(
        'select count(*)::int as n from authentication.sign_ins where finished_at is null',
      );
      return rows[0]?.n ?? 0;
    },
  };
}
