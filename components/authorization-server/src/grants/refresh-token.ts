import type { AuditAppender, Client, Grant, GrantRegister } from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import type { Confirmation } from '@countersign/oauth';
import type { GrantHandler } from '../grant-handler.ts';
import type { RefreshTokenBinding, RefreshTokens } from '../refresh-tokens/index.ts';
import { refuse } from '../refusal.ts';
import { type ConsentedAuthorityDependencies, consentedAuthority } from './consented-authority.ts';

export interface RefreshTokenDependencies extends ConsentedAuthorityDependencies {
  readonly refreshTokens: RefreshTokens;
  readonly grantRegister: Pick<GrantRegister, 'find'>;
  readonly audit: Pick<AuditAppender, 'append'>;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * RFC 6749 section 6, without rotation (FAPI 2.0 Security Profile section 5.3.2.1), so that a lost response can be repeated. The
 * client may change its DPoP key, unless it is registered with `dpop_bound_refresh_tokens`; the change is recorded. The access token
 * is bound to the certificate presented now (RFC 8705 section 7.1).
 */
export function refreshToken(dependencies: RefreshTokenDependencies): GrantHandler<'refresh_token'> {
  const { refreshTokens, grantRegister } = dependencies;
  return {
    grantType: 'refresh_token',
    parse(parameters) {
      const token = parameters.get('refresh_token');
      if (token === undefined) throw refuse('parameter_missing', 'The parameter refresh_token is missing.');
      return {
        async resolve(context, confirmation) {
          const binding = await refreshTokens.find(token);
          if (binding === undefined)
            throw refuse('refresh_token_unknown', 'The refresh token is unknown or has ended.');
          const keys = checkHolder(binding, context.client, confirmation);
          const grant = await grantRegister.find(binding.grant);
          // This token does not cover a later version of the consent.
          if (grant?.status === 'active' && grant.version !== binding.grantVersion)
            throw refuse(
              'refresh_token_superseded',
              'The consent has changed since. Use the tokens issued with that change.',
            );
          const use = { context, confirmation, firstUse: false };
          const authority = { ...consentedAuthority(grant, binding, use, dependencies), usedUp: undefined };
          if (grant === undefined || keys === undefined || keys.now === keys.was) return authority;
          return {
            ...authority,
            // A refused refresh must not change the key.
            async companions(issued) {
              await recordKeyChange({ grant, keys, client: context.client }, dependencies);
              await refreshTokens.rebind(token, binding, keys.now);
              return (await authority.companions?.(issued)) ?? {};
            },
          };
        },
      };
    },
  };
}

/** Thumbprints of the previous and the current DPoP key. */
interface ProofKeys {
  readonly was: string;
  readonly now: string;
}

/** @returns undefined if the client's tokens are not bound to a DPoP key */
function checkHolder(
  binding: RefreshTokenBinding,
  client: Client,
  confirmation: Confirmation | undefined,
): ProofKeys | undefined {
  if (binding.client !== client.id)
    throw refuse('refresh_token_client', 'The refresh token was issued to another client.');
  if (binding.jkt === undefined && client.binding !== 'dpop') return undefined;
  const jkt = confirmation !== undefined && 'jkt' in confirmation ? confirmation.jkt : undefined;
  // A token issued to a key never becomes a bearer token, whatever the client has registered since.
  if (jkt === undefined || binding.jkt === undefined || (client.dpopBoundRefreshTokens && jkt !== binding.jkt))
    throw refuse('refresh_token_key', 'The refresh token is bound to another DPoP key.');
  return { was: binding.jkt, now: jkt };
}

async function recordKeyChange(
  change: { readonly grant: Grant; readonly client: Client; readonly keys: ProofKeys },
  { audit, clock, random }: Pick<RefreshTokenDependencies, 'audit' | 'clock' | 'random'>,
): Promise<void> {
  const { grant, client, keys } = change;
  await audit.append({
    id: newId('record', { clock, random }),
    type: 'client.dpop-key-changed',
    source: 'authorization-server',
    outcome: 'done',
    client: client.id,
    subject: { id: grant.subject, institution: grant.institution },
    references: [grant.recordId],
    data: { grant: grant.id, institution: client.institution, was: keys.was, jkt: keys.now },
  });
}
