import type { PersonSignal, PrincipalId } from '@countersign/contracts';
import { ask, notifyAfterCommit, takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';

export const signalsChannel = 'person_signals';

export interface StoredSignal {
  readonly person: PrincipalId;
  readonly name: PersonSignal;
  /** Milliseconds since the epoch; for a cleared signal, when it was cleared. */
  readonly until: number;
}

export function createSignalStore(pool: pg.Pool) {
  return {
    async lockPerson(client: pg.PoolClient, person: PrincipalId): Promise<void> {
      await takeNamedLock(client, `risk of ${person}`);
    },

    async endOf(client: pg.PoolClient, person: PrincipalId, name: PersonSignal): Promise<number | undefined> {
      const { rows } = await ask<{ until: Date }>(client, {
        name: 'signal-end',
        text: 'select until from person_signals where person = $1 and name = $2',
        values: [person, name],
      });
      return rows[0]?.until.getTime();
    },

    /** Must be last in a transaction: it waits for other writers, so that changes are numbered in order of commit. */
    async put(client: pg.PoolClient, signals: readonly StoredSignal[]): Promise<void> {
      for (const { person, name, until } of signals) {
        const { rows } = await ask<{ newest: string }>(client, {
          name: 'signals-change',
          text: 'update person_signal_changes set newest = newest + 1 returning newest::text',
          values: [],
        });
        await ask(client, {
          name: 'signal-put',
          text: `insert into person_signals (person, name, until, change)
                 values ($1, $2, to_timestamp($3::float8 / 1000.0), $4::bigint)
                 on conflict (person, name) do update set until = excluded.until, change = excluded.change`,
          values: [person, name, until, rows[0]?.newest],
        });
      }
      if (signals.length > 0) notifyAfterCommit(client, signalsChannel);
    },

    /** Committed after `known`, oldest first. */
    async after(
      known: bigint,
      limit: number,
    ): Promise<{ readonly signals: readonly StoredSignal[]; readonly newest: bigint }> {
      const { rows } = await ask<{ person: PrincipalId; name: PersonSignal; until: Date; change: string }>(pool, {
        name: 'signals-after',
        text: `select person, name, until, change::text from person_signals where change > $1 order by change limit $2`,
        values: [known.toString(), limit],
      });
      return {
        signals: rows.map(({ person, name, until }) => ({ person, name, until: until.getTime() })),
        newest: BigInt(rows.at(-1)?.change ?? known),
      };
    },

    async deleteExpired(before: number, limit: number): Promise<number> {
      const { rowCount } = await ask(pool, {
        name: 'signal-sweep',
        text: `delete from person_signals where (person, name) in (
                 select person, name from person_signals where until < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [before, limit],
      });
      return rowCount ?? 0;
    },
  };
}

export type SignalStore = ReturnType<typeof createSignalStore>;
