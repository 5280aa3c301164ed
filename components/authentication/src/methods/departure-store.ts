import type { Json } from '@countersign/kernel';
import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';

export interface Departure {
  /** Of the sign-in. */
  readonly handleHash: Buffer;
  readonly challenge: string;
  readonly details: Json;
}

/** Removed with each one that is added: the table stays as small as the departures that are under way. */
const sweptAtOnce = 20;

/** The table `departures`. */
export function createDepartureStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (secretHash: Buffer, leg: string, { handleHash, challenge, details }: Departure) =>
    [
      `departure/${secretHash.toString('base64url')}`,
      { leg, handle: handleHash.toString('base64url'), challenge, details },
    ] as const;

  return {
    /** @param leg which way of which method; it is taken by this name alone */
    async insert(
      secretHash: Buffer,
      departure: Departure & { readonly leg: string; readonly expiresAt: number },
      now: number,
    ): Promise<void> {
      const { handleHash, leg, challenge, details, expiresAt } = departure;
      await ask(pool, {
        name: 'departure-insert',
        text: `with swept as (
                 delete from departures where secret_hash in (
                   select secret_hash from departures
                    where expires_at < to_timestamp($7::float8 / 1000.0) limit ${sweptAtOnce} for update skip locked))
               insert into departures (secret_hash, handle_hash, leg, challenge, details, expires_at, seal)
               values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000.0), $8)`,
        values: [
          ...[secretHash, handleHash, leg, challenge, JSON.stringify(details), expiresAt, now],
          rowSeal.seal(...sealed(secretHash, leg, departure)),
        ],
      });
    },
    /** Takes it once, of any number who ask; undefined too when it is over. */
    async take(secretHash: Buffer, leg: string, now: number): Promise<Departure | undefined> {
      const { rows } = await ask<{
        handle_hash: Buffer;
        challenge: string;
        details: Json;
        in_time: boolean;
        seal: Buffer | null;
      }>(pool, {
        name: 'departure-take',
        text: `delete from departures where secret_hash = $1 and leg = $2
               returning handle_hash, challenge, details, expires_at > to_timestamp($3::float8 / 1000.0) as in_time, seal`,
        values: [secretHash, leg, now],
      });
      const [row] = rows;
      if (row?.in_time !== true) return undefined;
      const departure = { handleHash: row.handle_hash, challenge: row.challenge, details: row.details };
      return rowSeal.holds(...sealed(secretHash, leg, departure), row.seal) ? departure : undefined;
    },
  };
}

export type DepartureStore = ReturnType<typeof createDepartureStore>;
