import type { Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

const provisioningScopes = ['identity:read', 'identity:provision'];

/**
 * A client with a provisioning token is known by its certificate, has its tokens bound to that, and may do nothing but provision: the
 * token lives long, and must open nothing else.
 */
export function checkProvisioningToken(document: ClientDocument, place: Place): void {
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
      'A client with a provisioning token holds the grant client_credentials alone.',
    );
  if (document.scopes.length === 0 || document.scopes.some((scope) => !provisioningScopes.includes(scope)))
    at.report(
      'client_metadata_invalid',
      `A client with a provisioning token holds ${provisioningScopes.join(' and ')} alone.`,
    );
}
