import pg from 'pg';
import type { AllowedAddress } from '../network/index.ts';
import { databaseErrors } from './failure.ts';

/** Where a PostgreSQL listens, and the account that owns the database. */
export interface OwnerConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * How to reach the database: a URL of your own PostgreSQL, or what the embedded one says. With the owner's account, or, for who
 * connects as the roles of components alone, a URL without one.
 */
export type DatabaseConnection = { readonly url: string } | OwnerConnection;

/**
 * The driver's configuration for one account of the database.
 *
 * @param account instead of the owner's; `options` are the start-up options of its connections
 * @throws CodedError `database_url_invalid`
 */
export function clientConfig(
  connection: DatabaseConnection,
  account: { readonly user?: string; readonly password?: string; readonly options?: string } = {},
): pg.ClientConfig {
  if (!('url' in connection)) return { ...connection, ...account };
  const { url } = connection;
  if (!/^(?:postgres|postgresql|socket):/.test(url))
    throw databaseErrors.error(
      'database_url_invalid',
      'DATABASE_URL must look like postgres://user:password@host:5432/database.',
    );
  // Parameters in the query win over the user and password before the host, and the last of a name over those before it;
  // this holds for every form of the URL, also the ones for Unix sockets that have no host.
  const parameters = Object.entries({ ...account, ...optionsFor(url, account.options) })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  if (parameters === '') return { connectionString: url };
  return { connectionString: `${url}${url.includes('?') ? '&' : '?'}${parameters}` };
}

/** Options of the URL stay, and ours come after them: of two values for a setting the later one counts. */
function optionsFor(url: string, ours: string | undefined): { readonly options?: string } {
  if (ours === undefined) return {};
  const query = url.slice(url.indexOf('?') + 1);
  const theirs = url.includes('?') ? new URLSearchParams(query).getAll('options').at(-1) : undefined;
  return { options: theirs === undefined ? ours : `${theirs} ${ours}` };
}

/** Where the connections go, as `allowConnectionsOnly` takes it. @throws CodedError `database_url_invalid` */
export function addressOfDatabase(connection: DatabaseConnection): AllowedAddress {
  const { host, port } = new pg.Client(clientConfig(connection));
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}

/** The URL without user and password: where the database is, and how to reach it. */
export function withoutAccount(url: string): string {
  const [, address = url, query] = /^([^?]*)\?(.*)$/s.exec(url) ?? [];
  // The driver takes what is before the last `@` of the authority for the account.
  const place = address.replace(/^([a-z]+:\/\/)[^/?#]*@/, '$1');
  const kept = query?.split('&').filter((parameter) => !isAccount(parameter));
  return kept === undefined || kept.length === 0 ? place : `${place}?${kept.join('&')}`;
}

function isAccount(parameter: string): boolean {
  return ['user', 'password'].some((name) => new URLSearchParams(parameter).has(name));
}
