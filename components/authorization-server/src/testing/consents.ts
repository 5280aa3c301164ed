import { createHash } from 'node:crypto';
import { type Grant, type GrantProposal, parseClientId, parsePrincipalId } from '@countersign/contracts';
import { newId, parseJson, toInstant } from '@countersign/kernel';
import { type AuthorizationDetail, parseAuthorizationDetails } from '@countersign/market';
import { createLogger } from '@countersign/runtime';
import { testRowSeal } from '@countersign/testkit';
import type pg from 'pg';
import { type CodeBinding, createCodes } from '../codes/index.ts';
import { createRefreshTokens } from '../refresh-tokens/index.ts';
import type { Harness } from './harness.ts';
import { broker, deskRedirect, venueOrders } from './trading-world.ts';

export const codeVerifier = 'a-code-verifier-of-enough-characters-for-rfc-7636';
export const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');

/** People who consent, and the codes that clients get for it, on the database of the harness. */
export function createConsents(harness: Harness, pool: pg.Pool) {
  const { clock, random, audit, consentStore, dpopKeyOf, world } = harness;
  const own = {
    pool,
    audit,
    rowSeal: testRowSeal,
    clock,
    random,
    logger: createLogger({ level: 'silent', name: 'test' }),
  };
  const codes = createCodes(own);
  const refreshTokens = createRefreshTokens(own);

  /** Anna's consent to the trading desk, with any term changed. */
  function proposal(change: Partial<GrantProposal> = {}): GrantProposal {
    const client = parseClientId('trading-desk');
    const subject = parsePrincipalId('person:anna.keller');
    if (client === undefined || subject === undefined) throw new Error('a fixture that its own parser refuses');
    return {
      client,
      subject,
      institution: broker,
      scopes: [
        'openid',
        'offline_access',
        change.details === undefined ? 'order:cancel' : 'order:create',
        'order:read',
      ],
      details: [],
      resources: [venueOrders],
      acr: 'phr',
      amr: ['hwk', 'user'],
      authTime: harness.seconds() - 30,
      session: newId('session', { clock, random }),
      expiresAt: toInstant(clock.now() + 30 * 86_400_000),
      ...change,
    };
  }

  /** A code for a consent, as the authorization endpoint would issue it. */
  async function codeFor(grant: Grant, change: Partial<CodeBinding> = {}): Promise<string> {
    const binding = world.directory.snapshot().client(grant.client)?.binding;
    const resource = grant.resources.length === 1 ? grant.resources[0] : undefined;
    return codes.issue({
      grant: grant.id,
      client: grant.client,
      redirectUri: deskRedirect,
      codeChallenge,
      nonce: 'n-0S6_WzA2Mj',
      scopes: grant.scopes,
      acr: grant.acr,
      amr: grant.amr,
      authTime: grant.authTime,
      ...(grant.session === undefined ? {} : { session: grant.session }),
      ...(resource === undefined ? {} : { resource }),
      ...(binding === 'dpop' ? { dpopJkt: dpopKeyOf(grant.client).kid } : {}),
      ...change,
    });
  }

  const redeem = (
    code: string,
    change: Readonly<Record<string, string | undefined>> = {},
    clientId = 'trading-desk',
    by: Parameters<Harness['requestFor']>[2] = {},
  ) =>
    harness.requestFor(
      clientId,
      {
        grant_type: 'authorization_code',
        code,
        redirect_uri: deskRedirect,
        code_verifier: codeVerifier,
        ...change,
      },
      by,
    );

  const refresh = (
    token: string | undefined,
    change: Readonly<Record<string, string | undefined>> = {},
    clientId = 'trading-desk',
    by: Parameters<Harness['requestFor']>[2] = {},
  ) => harness.requestFor(clientId, { grant_type: 'refresh_token', refresh_token: token, ...change }, by);

  return {
    codes,
    refreshTokens,
    proposal,
    codeFor,
    redeem,
    refresh,
    give: (change: Partial<GrantProposal> = {}) => consentStore.grants.give(proposal(change)),
    async stop() {
      await Promise.all([codes.stop(), refreshTokens.stop()]);
    },
  };
}

/** The authorization details of a text, parsed as the market has them. */
export function detailsOf(text: string): readonly AuthorizationDetail[] {
  const json = parseJson(text);
  const parsed = json.ok ? parseAuthorizationDetails(json.value) : undefined;
  if (parsed?.ok !== true) throw new Error('a fixture that its own parser refuses');
  return parsed.value;
}
