import { authenticationErrors } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { hashOfSecret, isSecret } from '../secret.ts';

export interface Departure {
  readonly handleHash: Buffer;
  readonly challenge: string;
  readonly details: Json;
}

/** Expired rows removed with each insert. */
const sweptAtOnce = 20;

export function createDepartureStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (secretHash: Buffer, leg: string, { handleHash, challenge, details }: Departure) =>
    [
      `departure/${secretHash.toString('base64url')}`,
      { leg, handle: handleHash.toString('base64url'), challenge, details },
    ] as const;

  return {
    /** @param leg method and step */
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
    /** Once, across all nodes. @throws CodedError `sign_in_unknown` if it has expired, was consumed, or is of another handle */
    async consume(handle: string, secret: string, leg: string, now: number): Promise<Departure> {
      if (!isSecret(handle) || !isSecret(secret)) throw unknownDeparture();
      const secretHash = hashOfSecret(secret);
      type Row = { handle_hash: Buffer; challenge: string; details: Json; in_time: boolean; seal: Buffer | null };
      const { rows } = await ask<Row>(pool, {
        name: 'departure-consume',
        text: `delete from departures where secret_hash = $1 and leg = $2
               returning handle_hash, challenge, details, expires_at > to_timestamp($3::float8 / 1000.0) as in_time, seal`,
        values: [secretHash, leg, now],
      });
      const [row] = rows;
      if (row?.in_time !== true || !row.handle_hash.equals(hashOfSecret(handle))) throw unknownDeparture();
      const departure = { handleHash: row.handle_hash, challenge: row.challenge, details: row.details };
      if (!rowSeal.holds(...sealed(secretHash, leg, departure), row.seal)) throw unknownDeparture();
      return departure;
    },
  };
}

function unknownDeparture(): Error {
  return authenticationErrors.error(
    'sign_in_unknown',
    'This address was already used or has expired. Go back to the application and start again.',
  );
}
