import { metadataErrors } from './errors.ts';

/** Authorization server metadata (RFC 8414 section 2), with the members that this profile has. */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly scopes_supported: readonly string[];
  /** Empty: no endpoint of ours takes a `response_type`. Required by RFC 8414 all the same. */
  readonly response_types_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  /** RFC 9449 section 5.1. */
  readonly dpop_signing_alg_values_supported: readonly string[];
  /** RFC 9396 section 10. */
  readonly authorization_details_types_supported: readonly string[];
}

/** Where the metadata of an issuer stands: the well-known segment goes between host and path (RFC 8414 section 3). */
export function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`;
}

/**
 * Reads what a verifier needs of a metadata document.
 *
 * @throws CodedError `metadata_issuer` when it is another issuer's (RFC 8414 section 3.3: mix-up), `metadata_invalid`
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
  // Another origin would be a way to have keys or credentials sent to a third party.
  if (
    typeof value !== 'string' ||
    value.length > 2_048 ||
    !URL.canParse(value) ||
    new URL(value).origin !== new URL(issuer).origin
  )
    throw metadataErrors.error('metadata_invalid', `The metadata's ${name} must be a URL of the issuer's own origin.`);
  return value;
}
