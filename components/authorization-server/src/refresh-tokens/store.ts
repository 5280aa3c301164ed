import { type ClientId, type GrantTerms, parseClientId } from '@countersign/contracts';
import { type GrantId, parseId, type SessionId } from '@countersign/kernel';
import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { isGrantScope } from '../protocol-scopes.ts';
import { present, removeExpiredRows, rowContent } from '../row-store.ts';

export interface RefreshTokenBinding {
  readonly grant: GrantId;
  readonly grantVersion: number;
  readonly client: ClientId;
  /** Thumbprint of the last used DPoP key. */
  readonly jkt?: string;
  /** RFC 6749 section 6. */
  readonly scopes: GrantTerms['scopes'];
  /** Of its first access token. */
  readonly resource?: string;
  readonly session?: SessionId;
  /** Of the original sign-in. */
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface RefreshTokenRow {
  readonly grant_id: string;
  readonly grant_version: number;
  readonly client: string;
  readonly jkt: string | null;
  readonly scopes: readonly string[];
  readonly resource: string | null;
  readonly session: string | null;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly auth_time: string;
  readonly expires_ms: number;
  readonly seal: Buffer | null;
}

/** Rows without a valid seal are ignored. */
export function createRefreshTokenStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (hash: Buffer, binding: RefreshTokenBinding) =>
    [`refresh-token/${hash.toString('base64url')}`, rowContent(binding)] as const;

  return {
    async insert(hash: Buffer, token: RefreshTokenBinding): Promise<void> {
      await ask(pool, {
        name: 'refresh-token-insert',
        text: `insert into refresh_tokens (token_hash, grant_id, grant_version, client, jkt, scopes, resource, session,
                   acr, amr, auth_time, expires_at, seal)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, to_timestamp($12::float8 / 1000.0), $13)`,
        values: [
          ...[hash, token.grant, token.grantVersion, token.client, token.jkt ?? null, token.scopes],
          ...[token.resource ?? null, token.session ?? null, token.acr, token.amr, token.authTime, token.expiresAt],
          rowSeal.seal(...sealed(hash, token)),
        ],
      });
    },
    async find(hash: Buffer): Promise<RefreshTokenBinding | undefined> {
      const { rows } = await ask<RefreshTokenRow>(pool, {
        name: 'refresh-token-find',
        text: `select grant_id, grant_version, client, jkt, scopes, resource, session, acr, amr, auth_time,
                        extract(epoch from expires_at)::float8 * 1000 as expires_ms, seal
                   from refresh_tokens where token_hash = $1`,
        values: [hash],
      });
      const [row] = rows;
      if (row === undefined) return undefined;
      const binding = bindingOf(row);
      return rowSeal.holds(...sealed(hash, binding), row.seal) ? binding : undefined;
    },
    async rebind(hash: Buffer, token: RefreshTokenBinding): Promise<void> {
      await ask(pool, {
        name: 'refresh-token-rebind',
        text: 'update refresh_tokens set jkt = $2, seal = $3 where token_hash = $1',
        values: [hash, token.jkt ?? null, rowSeal.seal(...sealed(hash, token))],
      });
    },
    async remove(hash: Buffer): Promise<void> {
      await ask(pool, {
        name: 'refresh-token-remove',
        text: 'delete from refresh_tokens where token_hash = $1',
        values: [hash],
      });
    },
    removeExpired: (before: number, limit: number) =>
      removeExpiredRows(pool, { table: 'refresh_tokens', key: 'token_hash', column: 'expires_at' }, before, limit),
  };
}

function bindingOf(row: RefreshTokenRow): RefreshTokenBinding {
  const grant = parseId('grant', row.grant_id);
  const client = parseClientId(row.client);
  const session = row.session === null ? undefined : parseId('session', row.session);
  if (grant === undefined || client === undefined || (row.session !== null && session === undefined))
    throw new Error('a refresh token row has an invalid grant, client or session id');
  return {
    grant,
    client,
    grantVersion: row.grant_version,
    acr: row.acr,
    amr: row.amr,
    ...present({ jkt: row.jkt, resource: row.resource, session }),
    scopes: row.scopes.filter(isGrantScope),
    authTime: Number(row.auth_time),
    expiresAt: Math.round(row.expires_ms),
  };
}
