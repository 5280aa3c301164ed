import { metadataErrors } from './errors.ts';

/** RFC 8414 section 2 and OpenID Connect Discovery section 3. Members of optional features are optional. */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly userinfo_endpoint: string;
  readonly scopes_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  /** JARM section 4. */
  readonly response_modes_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly acr_values_supported?: readonly string[];
  readonly prompt_values_supported?: readonly string[];
  readonly code_challenge_methods_supported: readonly string[];

  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];

  /** OpenID Connect Discovery section 3. */
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
  readonly claims_supported?: readonly string[];
  readonly claims_parameter_supported: boolean;
  /** RFC 9101 section 10.5. */
  readonly request_object_signing_alg_values_supported: readonly string[];
  readonly request_parameter_supported: boolean;
  /** OpenID Connect Discovery defaults to true, so false must be stated. */
  readonly request_uri_parameter_supported: boolean;
  readonly require_signed_request_object?: boolean;

  /** RFC 9126 section 5. */
  readonly pushed_authorization_request_endpoint: string;
  readonly require_pushed_authorization_requests: boolean;

  /** RFC 9207 section 3. */
  readonly authorization_response_iss_parameter_supported: true;
  /** JARM section 4. */
  readonly authorization_signing_alg_values_supported: readonly string[];
  /** RFC 9449 section 5.1. */
  readonly dpop_signing_alg_values_supported: readonly string[];
  /** RFC 9396 section 10. */
  readonly authorization_details_types_supported: readonly string[];
  /** RFC 8705 sections 3.3 and 5. */
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  readonly mtls_endpoint_aliases?: MtlsEndpointAliases;

  /** RFC 7662 by RFC 8414 section 2; signed by RFC 9701 section 7. */
  readonly introspection_endpoint: string;
  readonly introspection_endpoint_auth_methods_supported: readonly string[];
  readonly introspection_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly introspection_signing_alg_values_supported: readonly string[];
  /** RFC 7009 by RFC 8414 section 2. */
  readonly revocation_endpoint: string;
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];

  /** RP-Initiated Logout section 2.1, Back-Channel Logout section 2.1. */
  readonly end_session_endpoint: string;
  readonly backchannel_logout_supported: boolean;
  readonly backchannel_logout_session_supported: boolean;

  /** CIBA Core section 4. */
  readonly backchannel_authentication_endpoint?: string;
  readonly backchannel_token_delivery_modes_supported?: readonly string[];
  readonly backchannel_authentication_request_signing_alg_values_supported?: readonly string[];
  readonly backchannel_user_code_parameter_supported?: boolean;

  /** RFC 7591 section 3 by RFC 8414 section 2. */
  readonly registration_endpoint?: string;

  /** Grant Management for OAuth. */
  readonly grant_management_endpoint?: string;
  readonly grant_management_actions_supported?: readonly string[];
  readonly grant_management_action_required?: boolean;

  /** draft-ietf-oauth-identity-chaining-17 section 3. */
  readonly identity_chaining_requested_token_types_supported?: readonly string[];
  /** draft-ietf-oauth-identity-assertion-authz-grant-03 section 7.2. */
  readonly authorization_grant_profiles_supported?: readonly string[];
}

/** The endpoints under the address for clients with certificates (RFC 8705 section 5). */
export type MtlsEndpointAliases = Pick<
  AuthorizationServerMetadata,
  `${'token' | 'pushed_authorization_request' | 'introspection' | 'revocation' | 'userinfo'}_endpoint`
> &
  Pick<AuthorizationServerMetadata, `${'backchannel_authentication' | 'registration' | 'grant_management'}_endpoint`>;

/** RFC 9728 section 2. */
export interface ProtectedResourceMetadata {
  /** Identical to the URI for which the metadata was requested. */
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly jwks_uri?: string;
  readonly scopes_supported?: readonly string[];
  /** RFC 6750 section 2: never body or query. */
  readonly bearer_methods_supported: readonly ['header'];
  readonly authorization_details_types_supported?: readonly string[];
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  readonly dpop_signing_alg_values_supported?: readonly string[];
  readonly dpop_bound_access_tokens_required?: boolean;
}

/** RFC 8414 section 3.1: the well-known segment goes between host and path. */
export function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${withoutLastSlash(pathname)}`;
}

/** OpenID Connect Discovery section 4: the well-known segment is appended. */
export function openidConfigurationUrl(issuer: string): string {
  return `${withoutLastSlash(issuer)}/.well-known/openid-configuration`;
}

/** RFC 9728 section 3.1: the well-known segment goes between host and path. */
export function protectedResourceMetadataUrl(resource: string): string {
  const { origin, pathname, search } = new URL(resource);
  return `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}${search}`;
}

function withoutLastSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}

/**
 * @throws CodedError `metadata_issuer` if it belongs to another issuer (mix-up, RFC 8414 section 3.3),
 * `metadata_invalid`
 */
export function parseMetadata(
  document: unknown,
  issuer: string,
): { readonly issuer: string; readonly jwksUri: string; readonly tokenEndpoint: string } {
  if (typeof document !== 'object' || document === null)
    throw metadataErrors.error('metadata_invalid', 'The metadata is not a JSON object.');
  const members: Partial<Record<string, unknown>> = { ...document };
  if (members['issuer'] !== issuer)
    throw metadataErrors.error('metadata_issuer', `The metadata is not that of ${issuer}.`);
  return {
    issuer,
    jwksUri: urlOf(members, 'jwks_uri', issuer),
    tokenEndpoint: urlOf(members, 'token_endpoint', issuer),
  };
}

function urlOf(members: Partial<Record<string, unknown>>, name: string, issuer: string): string {
  const value = members[name];
  // Another origin could redirect key requests or credentials.
  if (
    typeof value !== 'string' ||
    value.length > 2_048 ||
    !URL.canParse(value) ||
    new URL(value).origin !== new URL(issuer).origin
  )
    throw metadataErrors.error('metadata_invalid', `The metadata's ${name} must be a URL of the issuer's own origin.`);
  return value;
}
