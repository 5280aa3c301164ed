import type { AuthenticatorId, Digest, SessionId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

export interface StepUp {
  readonly session: SessionId;
  /** Sorted. */
  readonly intents: readonly Digest[];
  readonly acr: string;
  readonly amr: readonly string[];
  /** Milliseconds since the epoch. */
  readonly authTime: number;
  readonly expiresAt: number;
  readonly authenticator: AuthenticatorId | undefined;
}

interface Row extends Pick<StepUp, 'session' | 'intents' | 'acr' | 'amr'> {
  readonly auth_time: Date;
  readonly expires_at: Date;
  readonly authenticator: AuthenticatorId | null;
}

export function createStepUpStore(pool: pg.Pool) {
  return {
    async put(client: pg.PoolClient, stepUp: StepUp): Promise<void> {
      const { session, intents, acr, amr, authTime, authenticator = null, expiresAt } = stepUp;
      await ask(client, {
        name: 'step-up-put',
        text: `insert into step_ups (session, intents, acr, amr, auth_time, authenticator, expires_at)
               values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000.0), $6, to_timestamp($7::float8 / 1000.0))
               on conflict (session, intents) do update
                  set acr = excluded.acr, amr = excluded.amr, auth_time = excluded.auth_time,
                      authenticator = excluded.authenticator, expires_at = excluded.expires_at`,
        values: [session, intents, acr, amr, authTime, authenticator, expiresAt],
      });
    },
    /** The newest for all of these intents, with an active key. */
    async find(session: SessionId, intents: readonly Digest[], now: number): Promise<StepUp | undefined> {
      const { rows } = await ask<Row>(pool, {
        name: 'step-up-find',
        text: `select session, intents, acr, amr, auth_time, expires_at, authenticator from step_ups
                where session = $1 and intents @> $2::text[] and expires_at > to_timestamp($3::float8 / 1000.0)
                  and not exists (select from authenticators
                                   where authenticators.id = step_ups.authenticator
                                     and (authenticators.removed_at is not null
                                          or authenticators.suspended_at is not null))
                order by auth_time desc limit 1`,
        values: [session, intents, now],
      });
      const [row] = rows;
      if (row === undefined) return undefined;
      return {
        ...{ session: row.session, intents: row.intents, acr: row.acr, amr: row.amr },
        authTime: row.auth_time.getTime(),
        expiresAt: row.expires_at.getTime(),
        authenticator: row.authenticator ?? undefined,
      };
    },
    async deleteExpired(now: number, limit: number): Promise<number> {
      const { rowCount } = await ask(pool, {
        name: 'step-up-sweep',
        text: `delete from step_ups where (session, intents) in (
                 select session, intents from step_ups
                  where expires_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [now, limit],
      });
      return rowCount ?? 0;
    },
  };
}

export type StepUpStore = ReturnType<typeof createStepUpStore>;
