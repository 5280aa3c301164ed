import type pg from 'pg';
import type { EmbeddedConnection } from '../postgres/embedded-postgres.ts';
import { databaseErrors } from './failure.ts';

/** How to reach the database as its owner: a URL of your own PostgreSQL, or what the embedded one says. */
export type DatabaseConnection = { readonly url: string } | EmbeddedConnection;

/**
 * The driver's configuration for one account of the database.
 *
 * @param account instead of the owner's
 * @throws CodedError `database_url_invalid`
 */
export function clientConfig(
  connection: DatabaseConnection,
  account?: { readonly user: string; readonly password: string },
): pg.ClientConfig {
  if (!('url' in connection)) return { ...connection, ...account };
  if (!/^(?:postgres|postgresql|socket):/.test(connection.url))
    throw databaseErrors.error(
      'database_url_invalid',
      'DATABASE_URL must look like postgres://user:password@host:5432/database.',
    );
  if (account === undefined) return { connectionString: connection.url };
  // Parameters in the query win over the user and password before the host; this holds for every form of
  // the URL, also the ones for Unix sockets that have no host.
  const parameters = `user=${encodeURIComponent(account.user)}&password=${encodeURIComponent(account.password)}`;
  return { connectionString: `${connection.url}${connection.url.includes('?') ? '&' : '?'}${parameters}` };
}
