import { type ClientId, type PrincipalId, parseClientId, parsePrincipalId } from '@countersign/contracts';
import type { SessionId } from '@countersign/kernel';
import { answered, type Queryable } from '../codes/queryable.ts';

/** A client to which a person is signed in within a session. */
export interface SessionClient {
  readonly client: ClientId;
  readonly subject: PrincipalId;
}

/** The table `session_clients`. Times are milliseconds since the epoch. */
export function createSessionClientStore(pool: Queryable) {
  return {
    /** Remembers that a client signs the person in, within the transaction that issues its code. */
    async remember(
      { session, client, subject }: SessionClient & { readonly session: SessionId },
      expiresAt: number,
      within: Queryable,
    ): Promise<void> {
      await answered(
        within.query({
          name: 'session-client-remember',
          text: `insert into session_clients (session, client, subject, expires_at)
                 values ($1, $2, $3, to_timestamp($4::float8 / 1000.0))
                 on conflict (session, client) do update set expires_at = excluded.expires_at, subject = excluded.subject`,
          values: [session, client, subject, expiresAt],
        }),
      );
    },
    async removeExpired(now: number, limit: number): Promise<number> {
      const { rowCount } = await answered(
        pool.query({
          name: 'session-client-sweep',
          text: `delete from session_clients where (session, client) in (
                   select session, client from session_clients where expires_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
          values: [now, limit],
        }),
      );
      return rowCount ?? 0;
    },
  };
}

export function sessionClientOf(row: { readonly client: string; readonly subject: string }): SessionClient {
  const client = parseClientId(row.client);
  const subject = parsePrincipalId(row.subject);
  if (client === undefined || subject === undefined)
    throw new Error('a session names a client or a person that is none');
  return { client, subject };
}
