import type { DirectorySnapshot } from '@countersign/contracts';
import { type ProtectedResourceMetadata, signatureAlgorithms, userinfoAudience } from '@countersign/oauth';
import type { CheckedConfig } from './config.ts';

/** RFC 9728 section 2, for one of our own interfaces; undefined for anything else. */
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
    // Tokens for userinfo may be unbound, and those of certificate-bound clients are not bound by DPoP.
    dpop_bound_access_tokens_required: mtlsBaseUrl === undefined && resource.uri !== userinfoAudience(issuer),
    ...(mtlsBaseUrl === undefined ? {} : { tls_client_certificate_bound_access_tokens: true }),
  };
}
