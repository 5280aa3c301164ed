import { epochSeconds, type Json } from '@countersign/kernel';
import { metadataNames } from './members.ts';

export type StoredDocument = Readonly<Record<string, Json>>;

/** RFC 7592 section 3. */
export type ClientInformation = Readonly<Record<string, Json>> & {
  readonly client_id: string;
  readonly registration_client_uri: string;
  readonly registration_access_token: string;
};

export interface Management {
  readonly clientId: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly uri: string;
  readonly accessToken: string;
}

/** Everything that was registered, defaults included. Sending it back as an update changes nothing. */
export function describeClient(
  document: StoredDocument,
  { clientId, issuedAt, uri, accessToken }: Management,
): ClientInformation {
  const metadata: Record<string, Json> = {};
  for (const [name, value] of Object.entries(document)) {
    const named = metadataNames.get(name);
    if (named !== undefined) metadata[named] = value;
  }
  const { binding, scopes, grant_types: grants } = document;
  const signsPeopleIn = Array.isArray(grants) && grants.includes('authorization_code');
  return {
    // Otherwise an OpenID client would expect RS256 (Registration section 2).
    ...(signsPeopleIn ? { id_token_signed_response_alg: 'ES256' } : {}),
    ...metadata,
    scope: Array.isArray(scopes) ? scopes.join(' ') : '',
    response_types: signsPeopleIn ? ['code'] : [],
    dpop_bound_access_tokens: binding === 'dpop',
    tls_client_certificate_bound_access_tokens: binding === 'mtls',
    require_pushed_authorization_requests: document['profile'] !== 'oidc',
    client_id: clientId,
    client_id_issued_at: epochSeconds(issuedAt),
    registration_client_uri: uri,
    registration_access_token: accessToken,
  };
}
