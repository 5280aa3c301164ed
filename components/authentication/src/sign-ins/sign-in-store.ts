import type { SignInNeed } from '@countersign/contracts';
import { type Digest, defined } from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

export interface StoredSignIn {
  readonly returnTo: string;
  readonly continuesTo: readonly string[];
  readonly clientName: string;
  readonly need: SignInNeed & { readonly tier: Tier };
  readonly browserHash: Buffer | undefined;
  readonly finished: boolean;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface Row {
  readonly return_to: string;
  readonly continues_to: readonly string[];
  readonly client_name: string;
  readonly acr_values: readonly string[];
  readonly not_before: Date | null;
  readonly login_hint: string | null;
  readonly browser_hash: Buffer | null;
  readonly finished: boolean;
  readonly expires_at: Date;
  readonly tier: Tier;
  readonly intents: readonly Digest[];
  readonly reason: string | null;
}

const columns = `return_to, continues_to, client_name, acr_values, not_before, login_hint, browser_hash,
                 finished_at is not null as finished, expires_at, tier, intents, reason`;

export function createSignInStore(pool: pg.Pool) {
  async function read(session: pg.Pool | pg.PoolClient, name: string, lock: '' | ' for update', handleHash: Buffer) {
    const text = `select ${columns} from sign_ins where handle_hash = $1${lock}`;
    return signInOf(await ask<Row>(session, { name, text, values: [handleHash] }));
  }

  return {
    async insert(
      handleHash: Buffer,
      signIn: Pick<StoredSignIn, 'returnTo' | 'continuesTo' | 'clientName' | 'need' | 'expiresAt'>,
    ): Promise<void> {
      const { returnTo, continuesTo, clientName, need, expiresAt } = signIn;
      const { acrValues, notBefore = null, loginHint = null, tier, intents = [], reason = null } = need;
      await ask(pool, {
        name: 'sign-in-insert',
        text: `insert into sign_ins
                 (handle_hash, return_to, continues_to, client_name, acr_values, not_before, login_hint, expires_at,
                  tier, intents, reason)
               values ($1, $2, $3, $4, $5, to_timestamp($6::float8), $7, to_timestamp($8::float8 / 1000.0), $9, $10,
                       $11)`,
        values: [
          ...[handleHash, returnTo, continuesTo, clientName, acrValues, notBefore, loginHint],
          ...[expiresAt, tier, intents, reason],
        ],
      });
    },
    find: (handleHash: Buffer) => read(pool, 'sign-in-find', '', handleHash),
    lock: (client: pg.PoolClient, handleHash: Buffer) => read(client, 'sign-in-lock', ' for update', handleHash),
    /** Binds it to this browser, unless another has it, with a new challenge. @returns it, with the browser that has it */
    async bind(handleHash: Buffer, browserHash: Buffer, nonce: string, now: number): Promise<StoredSignIn | undefined> {
      return signInOf(
        await ask<Row>(pool, {
          name: 'sign-in-bind',
          text: `update sign_ins
                    set browser_hash = coalesce(browser_hash, $2),
                        nonce = case when coalesce(browser_hash, $2) = $2 then $3 else nonce end,
                        shown_at = case when coalesce(browser_hash, $2) = $2
                                        then to_timestamp($4::float8 / 1000.0) else shown_at end
                  where handle_hash = $1 returning ${columns}`,
          values: [handleHash, browserHash, nonce, now],
        }),
      );
    },
    /**
     * Counts an attempt up to the limit and consumes the challenge.
     * @returns the challenge and when it was shown (milliseconds since the epoch); undefined if another attempt consumed it
     */
    async countAttempt(
      handleHash: Buffer,
      limit: number,
    ): Promise<
      | { readonly state: 'counted'; readonly shown: { readonly nonce: string; readonly at: number } | undefined }
      | { readonly state: 'spent' }
    > {
      const { rows } = await ask<{ nonce: string | null; shown_at: Date | null }>(pool, {
        name: 'sign-in-attempt',
        text: `with shown as (select nonce, shown_at from sign_ins where handle_hash = $1 for update)
               update sign_ins set attempts = attempts + 1, nonce = null
                from shown where handle_hash = $1 and attempts < $2 returning shown.nonce, shown.shown_at`,
        values: [handleHash, limit],
      });
      const [row] = rows;
      if (row === undefined) return { state: 'spent' };
      const { nonce, shown_at: at } = row;
      return { state: 'counted', shown: nonce === null || at === null ? undefined : { nonce, at: at.getTime() } };
    },
    /** The browser is redirected and may return with this challenge. */
    async depart(handleHash: Buffer, challenge: string): Promise<void> {
      await ask(pool, {
        name: 'sign-in-depart',
        text: 'update sign_ins set departed = $2 where handle_hash = $1 and finished_at is null',
        values: [handleHash, challenge],
      });
    },
    /** @returns false if it did not leave with this challenge, or has already returned */
    async comeBack(handleHash: Buffer, challenge: string): Promise<boolean> {
      const { rowCount } = await ask(pool, {
        name: 'sign-in-come-back',
        text: 'update sign_ins set departed = null where handle_hash = $1 and departed = $2',
        values: [handleHash, challenge],
      });
      return rowCount === 1;
    },
    async finish(session: pg.Pool | pg.PoolClient, handleHash: Buffer, now: number): Promise<void> {
      await ask(session, {
        name: 'sign-in-finish',
        text: `update sign_ins set finished_at = to_timestamp($2::float8 / 1000.0)
                where handle_hash = $1 and finished_at is null`,
        values: [handleHash, now],
      });
    },
    async deleteExpired(now: number, limit: number): Promise<number> {
      const { rowCount } = await ask(pool, {
        name: 'sign-in-sweep',
        text: `delete from sign_ins where handle_hash in (
                 select handle_hash from sign_ins where expires_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [now, limit],
      });
      return rowCount ?? 0;
    },
  };
}

export type SignInStore = ReturnType<typeof createSignInStore>;

function signInOf({ rows: [row] }: pg.QueryResult<Row>): StoredSignIn | undefined {
  if (row === undefined) return undefined;
  return {
    returnTo: row.return_to,
    continuesTo: row.continues_to,
    clientName: row.client_name,
    need: {
      acrValues: row.acr_values,
      tier: row.tier,
      ...defined({
        notBefore: row.not_before === null ? undefined : row.not_before.getTime() / 1000,
        loginHint: row.login_hint ?? undefined,
        intents: row.intents.length === 0 ? undefined : row.intents,
        reason: row.reason ?? undefined,
      }),
    },
    browserHash: row.browser_hash ?? undefined,
    finished: row.finished,
    expiresAt: row.expires_at.getTime(),
  };
}
