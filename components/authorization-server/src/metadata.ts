import { type DirectorySnapshot, protocolScopes } from '@countersign/contracts';
import { scopes } from '@countersign/market';
import {
  type AuthorizationServerMetadata,
  identityAssertionGrantProfile,
  idTokenAlgorithms,
  jwtAuthorizationGrantTokenType,
  type MtlsEndpointAliases,
  type ProtectedResourceMetadata,
  signatureAlgorithms,
  userinfoAudience,
} from '@countersign/oauth';
import type { CheckedConfig } from './config.ts';
import { grantManagementMetadata } from './grant-management/index.ts';
import { registrationMetadata } from './registration/index.ts';
import { issuableDetailTypes } from './token-endpoint/index.ts';

/** Paths of the endpoints, under the path of the issuer. */
export const endpointPaths = {
  authorization: '/authorize',
  pushedAuthorization: '/par',
  backchannelAuthentication: '/bc-authorize',
  token: '/token',
  introspection: '/introspect',
  revocation: '/revoke',
  provisioningToken: '/provisioning-token',
  userinfo: '/userinfo',
  endSession: '/logout',
  keySet: '/jwks',
} as const;

export interface MountedParts {
  readonly grantTypes: readonly string[];
  /** Of the active application models. */
  readonly applicationDetailTypes: readonly string[];
  readonly acrValues: readonly string[];
  /** CIBA Core section 4. */
  readonly backchannelDeliveryModes: readonly string[];
}

const clientAuthentication = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];

/** RFC 8414 section 2 and OpenID Connect Discovery section 3. */
export function describeServer(config: CheckedConfig, mounted: MountedParts): AuthorizationServerMetadata {
  const { issuer, mtlsBaseUrl } = config;
  const at = (path: string): string => issuer + path;
  const authentication = {
    methods: clientAuthentication.filter((method) => mtlsBaseUrl !== undefined || method === 'private_key_jwt'),
    algorithms: signatureAlgorithms,
  };
  return {
    issuer,
    authorization_endpoint: at(endpointPaths.authorization),
    token_endpoint: at(endpointPaths.token),
    jwks_uri: at(endpointPaths.keySet),
    userinfo_endpoint: at(endpointPaths.userinfo),
    scopes_supported: [...offeredProtocolScopes(config), ...scopes],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'jwt', 'query.jwt'],
    grant_types_supported: mounted.grantTypes,
    ...(mounted.acrValues.length === 0 ? {} : { acr_values_supported: mounted.acrValues }),
    prompt_values_supported: ['none', 'login', 'consent'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: authentication.methods,
    token_endpoint_auth_signing_alg_values_supported: authentication.algorithms,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: idTokenAlgorithms,
    claims_supported: [
      ...['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'at_hash', 'sid'],
      ...['name', 'email', 'email_verified'],
    ],
    claims_parameter_supported: false,
    request_object_signing_alg_values_supported: signatureAlgorithms,
    // A request object is accepted only in the pushed request (FAPI 2.0 Message Signing section 5.3.1).
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    pushed_authorization_request_endpoint: at(endpointPaths.pushedAuthorization),
    // Not required of ordinary relying parties.
    require_pushed_authorization_requests: false,
    authorization_response_iss_parameter_supported: true,
    authorization_signing_alg_values_supported: ['ES256'],
    dpop_signing_alg_values_supported: signatureAlgorithms,
    authorization_details_types_supported: [...issuableDetailTypes, ...mounted.applicationDetailTypes],
    introspection_endpoint: at(endpointPaths.introspection),
    introspection_endpoint_auth_methods_supported: authentication.methods,
    introspection_endpoint_auth_signing_alg_values_supported: authentication.algorithms,
    introspection_signing_alg_values_supported: ['ES256'],
    revocation_endpoint: at(endpointPaths.revocation),
    revocation_endpoint_auth_methods_supported: authentication.methods,
    revocation_endpoint_auth_signing_alg_values_supported: authentication.algorithms,
    backchannel_authentication_endpoint: at(endpointPaths.backchannelAuthentication),
    backchannel_token_delivery_modes_supported: mounted.backchannelDeliveryModes,
    backchannel_authentication_request_signing_alg_values_supported: signatureAlgorithms,
    backchannel_user_code_parameter_supported: false,
    end_session_endpoint: at(endpointPaths.endSession),
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    ...(mtlsBaseUrl === undefined
      ? {}
      : { tls_client_certificate_bound_access_tokens: true, mtls_endpoint_aliases: aliasesAt(mtlsBaseUrl) }),
    ...(config.registration === 'off' ? {} : registrationMetadata(issuer)),
    ...(config.grantManagement === 'off' ? {} : grantManagementMetadata(issuer)),
    ...chainingOf(config),
  };
}

/** RFC 8705 section 5. */
function aliasesAt(base: string): MtlsEndpointAliases {
  return {
    token_endpoint: base + endpointPaths.token,
    pushed_authorization_request_endpoint: base + endpointPaths.pushedAuthorization,
    introspection_endpoint: base + endpointPaths.introspection,
    revocation_endpoint: base + endpointPaths.revocation,
    userinfo_endpoint: base + endpointPaths.userinfo,
    backchannel_authentication_endpoint: base + endpointPaths.backchannelAuthentication,
  };
}

function offeredProtocolScopes({ grantManagement }: CheckedConfig): readonly string[] {
  return protocolScopes.filter((scope) => grantManagement !== 'off' || !scope.startsWith('grant_management'));
}

/** Does not disclose the chained authorization servers. */
function chainingOf({ identityChaining, chainedIssuers }: CheckedConfig): Partial<AuthorizationServerMetadata> {
  if (identityChaining === 'off') return {};
  return {
    ...(chainedIssuers.length === 0
      ? {}
      : { identity_chaining_requested_token_types_supported: [jwtAuthorizationGrantTokenType] }),
    authorization_grant_profiles_supported: [identityAssertionGrantProfile],
  };
}

/** RFC 9728 section 2, for one of our own interfaces; undefined for any other. */
export function describeProtectedResource(
  uri: string,
  directory: DirectorySnapshot,
  { issuer, mtlsBaseUrl }: CheckedConfig,
): ProtectedResourceMetadata | undefined {
  const resource = uri.startsWith(`${issuer}/`) ? directory.resource(uri) : undefined;
  if (resource === undefined) return undefined;
  return {
    resource: resource.uri,
    authorization_servers: [issuer],
    jwks_uri: `${issuer}/jwks`,
    scopes_supported: resource.scopes,
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: signatureAlgorithms,
    // Tokens for userinfo may be unbound, and certificate-bound clients do not use DPoP.
    dpop_bound_access_tokens_required: mtlsBaseUrl === undefined && resource.uri !== userinfoAudience(issuer),
    ...(mtlsBaseUrl === undefined ? {} : { tls_client_certificate_bound_access_tokens: true }),
  };
}
