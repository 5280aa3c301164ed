import pg from 'pg';
import type { AllowedAddress } from '../network/index.ts';
import { databaseErrors } from './failure.ts';

/** Address of a PostgreSQL server, and the account that owns the database. */
export interface OwnerConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * How to reach the database: the URL of an external PostgreSQL, or the connection of the embedded one. With the owner's account,
 * or, for processes that only use component roles, a URL without an account.
 */
export type DatabaseConnection = { readonly url: string } | OwnerConnection;

/**
 * The driver's configuration for one account of the database.
 *
 * @param account replaces the owner's; `options` are the start-up options of its connections
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
  // Query parameters take precedence over user and password before the host, and the last of several parameters with one name
  // wins. This holds for every form of the URL, including Unix sockets without a host.
  const parameters = Object.entries({ ...account, ...optionsFor(url, account.options) })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  if (parameters === '') return { connectionString: url };
  return { connectionString: `${url}${url.includes('?') ? '&' : '?'}${parameters}` };
}

/** Keeps the options of the URL and appends ours, because the last value of a setting wins. */
function optionsFor(url: string, ours: string | undefined): { readonly options?: string } {
  if (ours === undefined) return {};
  const query = url.slice(url.indexOf('?') + 1);
  const theirs = url.includes('?') ? new URLSearchParams(query).getAll('options').at(-1) : undefined;
  return { options: theirs === undefined ? ours : `${theirs} ${ours}` };
}

/** The address of the database in the form of `allowConnectionsOnly`. @throws CodedError `database_url_invalid` */
export function addressOfDatabase(connection: DatabaseConnection): AllowedAddress {
  const { host, port } = new pg.Client(clientConfig(connection));
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}

/** The URL without user and password. */
export function withoutAccount(url: string): string {
  const [, address = url, query] = /^([^?]*)\?(.*)$/s.exec(url) ?? [];
  // The driver reads everything before the last `@` of the authority as the account.
  const place = address.replace(/^([a-z]+:\/\/)[^/?#]*@/, '$1');
  const kept = query?.split('&').filter((parameter) => !isAccount(parameter));
  return kept === undefined || kept.length === 0 ? place : `${place}?${kept.join('&')}`;
}

function isAccount(parameter: string): boolean {
  return ['user', 'password'].some((name) => new URLSearchParams(parameter).has(name));
}
