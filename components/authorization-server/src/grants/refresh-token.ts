import type { Client, GrantRegister } from '@countersign/contracts';
import type { Confirmation } from '@countersign/oauth';
import type { RefreshTokenBinding, RefreshTokens } from '../refresh-tokens/index.ts';
import { refuse } from '../refusal.ts';
import { type ConsentedAuthorityDependencies, consentedAuthority } from './consented-authority.ts';
import type { GrantHandler } from './grant-handler.ts';

export interface RefreshTokenDependencies extends ConsentedAuthorityDependencies {
  readonly refreshTokens: RefreshTokens;
  readonly grantRegister: Pick<GrantRegister, 'find'>;
}

/**
 * RFC 6749 section 6, without rotation (FAPI 2.0 Security Profile section 5.3.2.1): a refresh uses nothing up, so that one
 * whose answer was lost is simply repeated. What keeps a copy from being of use is whom it is bound to: the client, which
 * authenticates, and its DPoP key. Where tokens are bound to certificates it is the client alone (RFC 8705 section 7.1),
 * because certificates are renewed more often than people are asked; the access token is bound to the one shown now.
 */
export function refreshToken(dependencies: RefreshTokenDependencies): GrantHandler {
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
            throw refuse('refresh_token_unknown', 'The refresh token is not one of ours, or it has ended.');
          checkHolder(binding, context.client, confirmation);
          const grant = await grantRegister.find(binding.grant);
          // Grant Management for OAuth: what a person has consented to anew is not what this token was given for.
          if (grant?.status === 'active' && grant.version !== binding.grantVersion)
            throw refuse('refresh_token_superseded', 'The consent has been changed since: use the tokens given then.');
          return consentedAuthority(grant, binding, { context, confirmation, firstUse: false }, dependencies);
        },
      };
    },
  };
}

function checkHolder(binding: RefreshTokenBinding, client: Client, confirmation: Confirmation | undefined): void {
  if (binding.client !== client.id)
    throw refuse('refresh_token_client', 'The refresh token was issued to another client.');
  if (binding.jkt === undefined && client.binding !== 'dpop') return;
  if (confirmation === undefined || !('jkt' in confirmation) || confirmation.jkt !== binding.jkt)
    throw refuse('refresh_token_key', 'The refresh token is bound to another DPoP key than that of the proof.');
}
