import type { Client, GrantType, ProtocolScope } from '@countersign/contracts';
import type { Place } from '../../problems.ts';
import { isProtocolScope } from '../fields/scopes.ts';
import type { ClientDocument } from './schema.ts';

const relyingPartyGrants: readonly GrantType[] = ['authorization_code', 'refresh_token'];
const relyingPartyScopes: readonly ProtocolScope[] = ['openid', 'offline_access', 'profile', 'email'];
/** Members that trading software does not need. */
const personalScopes: readonly ProtocolScope[] = ['profile', 'email'];

/** `oidc` only signs people in; `fapi2` always binds its tokens. */
export function checkProfile(document: ClientDocument, place: Place): void {
  if (document.dpop_bound_refresh_tokens === true && (document.binding ?? 'dpop') !== 'dpop')
    place
      .at('dpop_bound_refresh_tokens')
      .report(
        'client_metadata_invalid',
        'Refresh tokens are bound to a DPoP key where access tokens are: binding dpop.',
      );
  if (document.profile === 'oidc') checkRelyingParty(document, place);
  else {
    if (document.id_token_signed_response_alg === 'RS256')
      place
        .at('id_token_signed_response_alg')
        .report('client_metadata_invalid', 'FAPI 2.0 does not permit RS256. Use ES256 or PS256.');
    if (document.require_pkce === false)
      place.at('require_pkce').report('client_metadata_invalid', 'FAPI 2.0 requires PKCE.');
    if (document.binding === 'none')
      place
        .at('binding')
        .report('client_metadata_invalid', 'A fapi2 client binds its tokens to a key or a certificate: dpop or mtls.');
    for (const [index, scope] of document.scopes.entries())
      if (personalScopes.some((personal) => personal === scope))
        place.at('scopes', index).report('client_metadata_invalid', `The scope ${scope} is for oidc clients.`);
      else if (isProtocolScope(scope) && !asksPeople(document))
        place
          .at('scopes', index)
          .report('client_metadata_invalid', `The scope ${scope} needs a grant under which a person signs in.`);
  }
}

function checkRelyingParty(document: ClientDocument, place: Place): void {
  for (const [index, grant] of document.grant_types.entries())
    if (!relyingPartyGrants.includes(grant))
      place
        .at('grant_types', index)
        .report('client_metadata_invalid', `An oidc client holds ${relyingPartyGrants.join(' and ')} only.`);
  for (const [index, scope] of document.scopes.entries())
    if (!relyingPartyScopes.some((allowed) => allowed === scope))
      place
        .at('scopes', index)
        .report(
          'client_metadata_invalid',
          `An oidc client holds ${relyingPartyScopes.join(' and ')} only; market scopes are for fapi2 clients.`,
        );
  if ((document.authorization_details_types ?? []).length > 0)
    place
      .at('authorization_details_types')
      .report('client_metadata_invalid', 'An oidc client cannot request authorization details.');
}

const ciba = 'urn:openid:params:grant-type:ciba';

/** Grants that contradict the kind of client: software without a user signs nobody in, and a person's tool does not act alone. */
const unfit: Readonly<Record<Client['kind'], readonly GrantType[]>> = {
  machine: ['authorization_code', 'refresh_token', ciba],
  human: ['client_credentials'],
  hybrid: [],
};

export function checkGrantTypes(document: ClientDocument, place: Place): void {
  const kind = document.kind ?? 'machine';
  for (const [index, grant] of document.grant_types.entries()) {
    if (unfit[kind].includes(grant))
      place
        .at('grant_types', index)
        .report('client_metadata_invalid', `A client of the kind ${kind} cannot have the grant ${grant}.`);
    // A refresh token needs a person's consent, which only these two grants obtain.
    else if (grant === 'refresh_token' && !asksPeople(document))
      place
        .at('grant_types', index)
        .report('client_metadata_invalid', `The grant refresh_token requires authorization_code or ${ciba}.`);
  }
}

/** Whether a person signs in and consents. */
function asksPeople({ grant_types: grants }: ClientDocument): boolean {
  return grants.includes('authorization_code') || grants.includes(ciba);
}
