import { parseClientId, parseResourceUri, type ResourceUri } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { authorizationDetailTypes, isApplicationDetailTypeName, isAuthorizationDetailType } from '@countersign/market';
import type { WrittenClient } from '../../entry.ts';
import type { Place } from '../../problems.ts';
import { entityReader } from '../fields/entity-reader.ts';
import { readLei, readName, readPrincipalId } from '../fields/fields.ts';
import { readSeparateScopes } from '../fields/scopes.ts';
import { checkAddresses } from './addresses.ts';
import { readAuthentication } from './authentication.ts';
import { readBackchannelDelivery } from './backchannel.ts';
import { readKeys } from './keys.ts';
import { checkGrantTypes, checkProfile } from './profile.ts';
import { type ClientDocument, clientSchema } from './schema.ts';

export const clientReader = entityReader({
  kind: 'client',
  list: 'clients',
  schema: clientSchema,
  choiceCode: 'client_metadata_invalid',
  read(document, place, keyCache) {
    const id =
      parseClientId(document.id) ??
      place
        .at('id')
        .report('directory_file_invalid', 'A client id consists of a-z, 0-9, full stop, hyphen and underscore.');
    const institution = readLei(document.institution, place.at('institution'));
    const principal = readPrincipalId(document.principal, place.at('principal'));
    const name = readName(document.client_name ?? document.id, place.at('client_name'));
    const authentication = readAuthentication(document, place);
    const scopes = readSeparateScopes(document.scopes, place.at('scopes'));
    const audiences = readAudiences(document.audiences, place.at('audiences'));
    const keys = readKeys(document, place, keyCache);
    const detailTypes = readDetailTypes(document, place);
    const backchannelDelivery = readBackchannelDelivery(document, place);
    checkAddresses(document, place);
    checkGrantTypes(document, place);
    checkProfile(document, place);
    checkProvisioningToken(document, place);
    if (id === undefined || institution === undefined || principal === undefined || name === undefined)
      return undefined;
    if (authentication === undefined || scopes === undefined || audiences === undefined || keys === undefined)
      return undefined;
    const { jwks_uri: jwksUri, backchannel_logout_uri: backchannelLogoutUri } = document;
    const { provisioning_token_days: provisioningTokenDays } = document;
    const value: WrittenClient = {
      id,
      institution,
      principal,
      name,
      kind: document.kind ?? 'machine',
      profile: document.profile ?? 'fapi2',
      environment: document.environment ?? 'sandbox',
      authentication,
      binding: document.binding ?? 'dpop',
      grantTypes: document.grant_types,
      scopes: [...scopes],
      audiences,
      detailTypes,
      ...defined({ jwksUri }),
      redirectUris: document.redirect_uris ?? [],
      postLogoutRedirectUris: document.post_logout_redirect_uris ?? [],
      ...defined({ backchannelLogoutUri }),
      requireSignedRequest: document.require_signed_request_object ?? false,
      requireSignedResponse: document.require_signed_response ?? false,
      requirePkce: document.require_pkce ?? true,
      idTokenAlgorithm: document.id_token_signed_response_alg ?? 'ES256',
      dpopBoundRefreshTokens: document.dpop_bound_refresh_tokens ?? false,
      ...defined({ backchannelDelivery, provisioningTokenDays }),
    };
    return { id, owner: institution, entity: { kind: 'client', value, keys } };
  },
});

function readAudiences(texts: readonly string[], place: Place): readonly ResourceUri[] | undefined {
  const audiences: ResourceUri[] = [];
  for (const [index, text] of texts.entries()) {
    const uri =
      parseResourceUri(text) ??
      place.at(index).report('directory_file_invalid', 'An audience is an absolute URI without fragment.');
    if (uri !== undefined) audiences.push(uri);
  }
  return audiences.length === texts.length ? audiences : undefined;
}

/** Without any, all market types, or none for `oidc`. Application types come and go with the policies. */
function readDetailTypes(document: ClientDocument, place: Place): readonly string[] {
  const { authorization_details_types: named, profile } = document;
  for (const [index, type] of (named ?? []).entries())
    if (!isAuthorizationDetailType(type) && !isApplicationDetailTypeName(type))
      place
        .at('authorization_details_types', index)
        .report(
          'client_metadata_invalid',
          `Unknown type. Known types: ${authorizationDetailTypes.join(', ')}, and the https URIs that applications declare.`,
        );
  return named ?? (profile === 'oidc' ? [] : authorizationDetailTypes);
}

const provisioningScopes = ['identity:read', 'identity:provision'];

/** A provisioning token is long-lived, so it is bound to a certificate and may do nothing but provision. */
function checkProvisioningToken(document: ClientDocument, place: Place): void {
  if (document.provisioning_token_days === undefined) return;
  const at = place.at('provisioning_token_days');
  const method = document.token_endpoint_auth_method ?? 'private_key_jwt';
  if (method === 'private_key_jwt' || document.binding !== 'mtls')
    at.report(
      'client_metadata_invalid',
      'A client with a provisioning token authenticates by certificate (tls_client_auth or self_signed_tls_client_auth) and has the binding mtls.',
    );
  if (document.grant_types.some((grant) => grant !== 'client_credentials'))
    at.report(
      'client_metadata_invalid',
      'A client with a provisioning token may have the grant client_credentials only.',
    );
  if (document.scopes.length === 0 || document.scopes.some((scope) => !provisioningScopes.includes(scope)))
    at.report(
      'client_metadata_invalid',
      `A client with a provisioning token may have the scopes ${provisioningScopes.join(' and ')} only.`,
    );
}
