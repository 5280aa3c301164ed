import { type ClientId, type GrantTerms, parseClientId } from '@countersign/contracts';
import { type Digest, type GrantId, parseDigest, parseId, type SessionId } from '@countersign/kernel';
import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { isGrantScope } from '../protocol-scopes.ts';
import { present, type Queryable, removeExpiredRows, rowContent, takeOnce } from '../row-store.ts';

/** What must be presented to redeem a code. */
export interface CodeBinding {
  readonly grant: GrantId;
  readonly client: ClientId;
  /** As in the authorization request (RFC 6749 section 4.1.3). */
  readonly redirectUri: string;
  /** S256 (RFC 7636); left out if the client uses a nonce instead. */
  readonly codeChallenge?: string;
  /** The DPoP key that the code is bound to (RFC 9449 section 10). */
  readonly dpopJkt?: string;
  /** For the ID token (OpenID Connect Core section 3.1.2.1). */
  readonly nonce?: string;
  readonly session?: SessionId;
  readonly resource?: string;
  /** Of this request; the grant may have more. */
  readonly scopes: GrantTerms['scopes'];
  /** The sign-in for this request, not that of the grant. */
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Digests of the intents that the sign-in was made for; left out if another party vouches for the person. */
  readonly boundTo?: readonly Digest[];
  readonly device?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface CodeRow {
  readonly grant_id: string;
  readonly client: string;
  readonly redirect_uri: string;
  readonly code_challenge: string | null;
  readonly dpop_jkt: string | null;
  readonly nonce: string | null;
  readonly session: string | null;
  readonly resource: string | null;
  readonly scopes: readonly string[];
  readonly acr: string;
  readonly amr: readonly string[];
  readonly auth_time: string;
  readonly bound_to: readonly string[] | null;
  readonly device: string | null;
  readonly expires_ms: number;
  readonly redeemed: boolean;
  readonly seal: Buffer | null;
}

/** Rows without a valid seal are ignored. */
export function createCodeStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (hash: Buffer, binding: CodeBinding) =>
    [`authorization-code/${hash.toString('base64url')}`, rowContent(binding)] as const;

  return {
    async insert(hash: Buffer, code: CodeBinding, within: Queryable = pool): Promise<void> {
      await ask(within, {
        name: 'code-insert',
        text: `insert into authorization_codes (code_hash, grant_id, client, redirect_uri, code_challenge, dpop_jkt, nonce,
                   session, resource, scopes, acr, amr, auth_time, expires_at, bound_to, device, seal)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, to_timestamp($14::float8 / 1000.0),
                         $15, $16, $17)`,
        values: [
          ...[hash, code.grant, code.client, code.redirectUri, code.codeChallenge ?? null, code.dpopJkt ?? null],
          ...[code.nonce ?? null, code.session ?? null, code.resource ?? null, code.scopes, code.acr, code.amr],
          ...[code.authTime, code.expiresAt, code.boundTo ?? null, code.device ?? null],
          rowSeal.seal(...sealed(hash, code)),
        ],
      });
    },
    async find(hash: Buffer): Promise<(CodeBinding & { readonly redeemed: boolean }) | undefined> {
      const { rows } = await ask<CodeRow>(pool, {
        name: 'code-find',
        text: `select grant_id, client, redirect_uri, code_challenge, dpop_jkt, nonce, session, resource, scopes, acr, amr,
                        auth_time, bound_to, device, extract(epoch from expires_at)::float8 * 1000 as expires_ms,
                        redeemed_at is not null as redeemed, seal
                   from authorization_codes where code_hash = $1`,
        values: [hash],
      });
      const [row] = rows;
      if (row === undefined) return undefined;
      const binding = bindingOf(row);
      return rowSeal.holds(...sealed(hash, binding), row.seal) ? { ...binding, redeemed: row.redeemed } : undefined;
    },
    redeem: (hash: Buffer, now: number) =>
      takeOnce(pool, { table: 'authorization_codes', key: 'code_hash', column: 'redeemed_at' }, hash, now),
    removeExpired: (before: number, limit: number) =>
      removeExpiredRows(pool, { table: 'authorization_codes', key: 'code_hash', column: 'expires_at' }, before, limit),
  };
}

function bindingOf(row: CodeRow): CodeBinding {
  const grant = parseId('grant', row.grant_id);
  const client = parseClientId(row.client);
  const session = row.session === null ? undefined : parseId('session', row.session);
  if (grant === undefined || client === undefined || (row.session !== null && session === undefined))
    throw new Error('an authorization code row has an invalid grant, client or session id');
  const optional = {
    codeChallenge: row.code_challenge,
    dpopJkt: row.dpop_jkt,
    nonce: row.nonce,
    resource: row.resource,
    device: row.device,
    session,
    boundTo: row.bound_to?.flatMap((intent) => parseDigest(intent) ?? []),
  };
  return {
    grant,
    client,
    redirectUri: row.redirect_uri,
    ...present(optional),
    scopes: row.scopes.filter(isGrantScope),
    acr: row.acr,
    amr: row.amr,
    authTime: Number(row.auth_time),
    expiresAt: Math.round(row.expires_ms),
  };
}
