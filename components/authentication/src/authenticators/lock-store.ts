import type { PrincipalId, StandingCheck } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import { lockThing } from './row-claims.ts';

export interface AccountLockState {
  readonly locked: boolean;
}
export interface AccountLockRow extends AccountLockState {
  readonly recordId: RecordId;
}

export function createLockStore(pool: pg.Pool, standings: Pick<StandingCheck, 'standing'>) {
  return {
    /** By the row, or by the log if the row is missing. */
    async isLocked(session: pg.Pool | pg.PoolClient, person: PrincipalId): Promise<boolean> {
      const thing = lockThing(person);
      if ((await standings.standing([thing])).has(thing)) return true;
      const { rows } = await ask<{ locked: boolean }>(session, {
        name: 'account-is-locked',
        text: 'select exists (select from account_locks where person = $1) as locked',
        values: [person],
      });
      return rows[0]?.locked === true;
    },
    async find(
      session: pg.Pool | pg.PoolClient,
      person: PrincipalId,
      lock: '' | 'for update' = '',
    ): Promise<AccountLockRow | undefined> {
      const { rows } = await ask<{ record_id: RecordId }>(session, {
        name: `account-lock-find${lock === '' ? '' : '-locked'}`,
        text: `select record_id from account_locks where person = $1 ${lock}`,
        values: [person],
      });
      return rows[0] === undefined ? undefined : { locked: true, recordId: rows[0].record_id };
    },
    async put(client: pg.PoolClient, person: PrincipalId, recordId: RecordId, now: number): Promise<void> {
      await ask(client, {
        name: 'account-lock',
        text: `insert into account_locks (person, record_id, locked_at)
               values ($1, $2, to_timestamp($3::float8 / 1000.0))
               on conflict (person) do update set record_id = excluded.record_id, locked_at = excluded.locked_at`,
        values: [person, recordId, now],
      });
    },
    async remove(client: pg.PoolClient, person: PrincipalId): Promise<void> {
      await ask(client, {
        name: 'account-unlock',
        text: 'delete from account_locks where person = $1',
        values: [person],
      });
    },
    isLockedNow(person: PrincipalId): Promise<boolean> {
      return this.isLocked(pool, person);
    },
  };
}

export type LockStore = ReturnType<typeof createLockStore>;
