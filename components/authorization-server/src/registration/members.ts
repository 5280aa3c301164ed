/**
 * Metadata members with an equivalent in the directory's document: RFC 7591 section 2, OpenID Connect Registration and logout, CIBA,
 * RFC 8705, RFC 9101 and RFC 9396. Members of this installation begin with `countersign_`.
 */
const sameMeaning: readonly (readonly [metadata: string, document: string])[] = [
  ...[
    'client_name',
    'grant_types',
    'redirect_uris',
    'token_endpoint_auth_method',
    'tls_client_auth_subject_dn',
    'tls_client_auth_san_dns',
    'tls_client_auth_san_uri',
    'tls_client_auth_san_ip',
    'tls_client_auth_san_email',
    'jwks',
    'jwks_uri',
    'authorization_details_types',
    'post_logout_redirect_uris',
    'backchannel_logout_uri',
    'require_signed_request_object',
    'id_token_signed_response_alg',
    'backchannel_token_delivery_mode',
    'backchannel_client_notification_endpoint',
  ].map((name) => [name, name] as const),
  ['countersign_principal', 'principal'],
  ['countersign_kind', 'kind'],
  ['countersign_profile', 'profile'],
  ['countersign_environment', 'environment'],
  ['countersign_institution', 'institution'],
  ['countersign_audiences', 'audiences'],
  ['countersign_require_signed_response', 'require_signed_response'],
  ['countersign_require_pkce', 'require_pkce'],
  ['countersign_dpop_bound_refresh_tokens', 'dpop_bound_refresh_tokens'],
];

export const documentNames: ReadonlyMap<string, string> = new Map(sameMeaning);
/** Name in the metadata, by the name in the directory's document. */
export const metadataNames: ReadonlyMap<string, string> = new Map(sameMeaning.map(([name, stored]) => [stored, name]));

/** Translates a JSON pointer into the directory's document; empty for values that this server chooses. */
export function metadataPointer(pointer: string): string {
  const [, name = '', ...rest] = pointer.split('/');
  if (name === 'scopes') return '/scope';
  if (name === 'binding') return '/dpop_bound_access_tokens';
  const named = metadataNames.get(name);
  return named === undefined ? '' : ['', named, ...rest].join('/');
}
