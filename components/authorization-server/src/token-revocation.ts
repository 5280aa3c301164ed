import type { AuditAppender } from '@countersign/contracts';
import { type Clock, type GrantId, isCodedError, newId, type Random, sha256Base64Url } from '@countersign/kernel';
import { type AccessTokenClaims, verifyAccessToken } from '@countersign/oauth';
import { type ClientContext, type ClientEndpoint, circumstancesOf } from './client-endpoint/index.ts';
import { readToken } from './introspection.ts';
import { isOpaqueToken, type OpaqueTokens } from './opaque-tokens/index.ts';
import { type ProvisioningToken, type ProvisioningTokenRegister, readTokenText } from './provisioning-tokens/index.ts';
import { refuse } from './refusal.ts';
import type { Revocations } from './revocations/index.ts';
import type { TokenKeys } from './token-keys.ts';

export interface RevocationDependencies {
  readonly issuer: string;
  readonly tokenKeys: TokenKeys;
  readonly opaqueTokens: Pick<OpaqueTokens, 'resolve'>;
  /** Does not use the refresh token. */
  readonly refreshTokens: {
    find(token: string): Promise<{ readonly grant: GrantId; readonly client: string } | undefined>;
  };
  readonly provisioningTokens: Pick<ProvisioningTokenRegister, 'find' | 'end'>;
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}

type Found =
  | { readonly kind: 'access-token'; readonly client: string; readonly claims: AccessTokenClaims }
  | { readonly kind: 'refresh-token'; readonly client: string; readonly grant: GrantId }
  | { readonly kind: 'provisioning-token'; readonly client: string; readonly token: ProvisioningToken };

/** RFC 7009. An unknown token gets the same response as a successful revocation (section 2.2); a refresh token ends its consent (section 2.1). */
export function revocation(dependencies: RevocationDependencies): ClientEndpoint<void> {
  return {
    name: 'revocation',
    proof: 'ignored',
    refusalType: 'access.refused',
    async answer(context) {
      const token = readToken(context.parameters);
      const found = await find(token, context, dependencies);
      if (found === undefined) {
        await recordNothingEnded(token, context, dependencies);
        return;
      }
      if (found.client !== context.client.id)
        throw refuse(
          'token_of_another_client',
          'The token was issued to another client. Only that client can revoke it.',
        );
      const by = { id: context.client.principal, institution: context.client.institution };
      const reason = 'revoked by its client';
      switch (found.kind) {
        case 'access-token':
          await dependencies.revocations.revoke({ kind: 'token', id: found.claims.jti }, by, reason);
          return;
        case 'refresh-token':
          await dependencies.revocations.revoke({ kind: 'grant', id: found.grant }, by, reason);
          return;
        case 'provisioning-token':
          await dependencies.provisioningTokens.end(found.token, by, reason);
      }
    },
  };
}

/** The form of a token identifies its type; `token_type_hint` is not needed (section 2.1). */
async function find(
  token: string,
  context: ClientContext,
  dependencies: RevocationDependencies,
): Promise<Found | undefined> {
  const sent = readTokenText(token);
  if (sent !== undefined) {
    const kept = await dependencies.provisioningTokens.find(sent);
    return kept === undefined ? undefined : { kind: 'provisioning-token', client: kept.client, token: kept };
  }
  const signed = isOpaqueToken(token) ? await dependencies.opaqueTokens.resolve(token) : token;
  if (signed?.includes('.') === true) return findAccessToken(signed, context, dependencies);
  const refreshToken = await dependencies.refreshTokens.find(token);
  return refreshToken === undefined ? undefined : { kind: 'refresh-token', ...refreshToken };
}

async function findAccessToken(
  token: string,
  { now }: ClientContext,
  { issuer, tokenKeys }: RevocationDependencies,
): Promise<Found | undefined> {
  try {
    const { claims } = verifyAccessToken(token, {
      issuer,
      keyOf: await tokenKeys.current(),
      now,
      allowUnbound: true,
      // The client may revoke it whatever its audience.
      acceptsAudience: () => true,
    });
    return { kind: 'access-token', client: claims.client_id, claims };
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

async function recordNothingEnded(
  token: string,
  { client, request, certificate }: ClientContext,
  { audit, clock, random }: RevocationDependencies,
): Promise<void> {
  await audit.append({
    id: newId('record', { clock, random }),
    type: 'token.revoked',
    source: 'authorization-server',
    outcome: 'done',
    reason: 'token_unknown',
    client: client.id,
    ...circumstancesOf(request, certificate),
    data: { token_sha256: sha256Base64Url(token) },
  });
}
