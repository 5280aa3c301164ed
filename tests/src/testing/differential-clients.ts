import { X509Certificate } from 'node:crypto';
import { generateSigningKey } from '@countersign/sdk';
import type { Key } from './credentials.ts';
import { doors, type Firms, leis } from './firms.ts';
import { type Certificates, redirectUri } from './relying-parties.ts';

/** Interfaces of the broker that need no intent: one takes opaque tokens, one signed ones. */
export const quotes = 'https://broker.example/quotes';
export const positions = 'https://broker.example/positions';

export const orderType = 'urn:countersign:rar:v1:trade_order';

type Method = 'private_key_jwt' | 'tls_client_auth' | 'self_signed_tls_client_auth';

interface Registration {
  readonly firm: 'arranger' | 'broker';
  readonly kind: 'machine' | 'human' | 'hybrid';
  readonly method: Method;
  readonly grants: readonly string[];
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
  readonly signed?: boolean;
  readonly profile?: 'oidc';
}

const codeFlow = ['authorization_code', 'refresh_token'];
const desk = {
  firm: 'arranger',
  kind: 'human',
  method: 'private_key_jwt',
  grants: codeFlow,
  scopes: ['openid', 'offline_access', 'order:create'],
  audiences: [doors.broker],
} as const satisfies Registration;

const registrations = {
  desk,
  'other-desk': desk,
  'signing-desk': { ...desk, signed: true },
  'pki-desk': {
    ...desk,
    kind: 'hybrid',
    method: 'tls_client_auth',
    grants: [...codeFlow, 'client_credentials'],
    scopes: [...desk.scopes, 'order:read'],
    audiences: [...desk.audiences, quotes],
  },
  'self-desk': { ...desk, method: 'self_signed_tls_client_auth' },
  dashboard: { ...desk, scopes: ['openid'], audiences: [], profile: 'oidc' },
  reader: {
    firm: 'arranger',
    kind: 'machine',
    method: 'private_key_jwt',
    grants: ['client_credentials'],
    scopes: ['order:read'],
    audiences: [quotes, positions],
  },
  /** The resource server of the broker's interfaces, which introspects. */
  'broker-api': {
    firm: 'broker',
    kind: 'machine',
    method: 'private_key_jwt',
    grants: ['client_credentials'],
    scopes: ['order:read'],
    audiences: [quotes],
  },
} as const satisfies Readonly<Record<string, Registration>>;

export type ClientName = keyof typeof registrations;
const entries = Object.entries(registrations) as [ClientName, Registration][];

/** The same clients with the same keys, as registered at each of the two servers. */
export interface RegisteredClients {
  key(client: ClientName): Key;
  /** The input of `directory apply`. */
  directoryDocument(firms: Firms, issuer: string): Readonly<Record<string, readonly unknown[]>>;
  /** Client metadata (OpenID Connect Dynamic Client Registration and its relatives) for the other server. */
  readonly metadata: readonly Readonly<Record<string, unknown>>[];
}

/** Scopes and token format of each interface. */
export const interfaces = {
  [doors.broker]: { scopes: ['order:create', 'settlement:instruct'], format: 'jwt' },
  [doors.venue]: { scopes: ['order:create'], format: 'jwt' },
  [quotes]: { scopes: ['order:read'], format: 'opaque' },
  [positions]: { scopes: ['order:read'], format: 'jwt' },
} as const satisfies Readonly<Record<string, { scopes: readonly string[]; format: 'jwt' | 'opaque' }>>;

/** The scopes of an interface that a client is registered for; undefined if it may have no tokens for it. */
export function scopesFor(client: string, resource: string): readonly string[] | undefined {
  const offered = Object.entries(interfaces).find(([uri]) => uri === resource)?.[1];
  const registered = entries.find(([name]) => name === client)?.[1];
  if (offered === undefined || registered?.audiences.includes(resource) !== true) return undefined;
  return offered.scopes.filter((scope) => registered.scopes.includes(scope));
}

export function registerClients(certificates: Certificates): RegisteredClients {
  const keys = new Map(entries.map(([name]) => [name, generateSigningKey()] as const));
  const keyOf = (name: ClientName): Key => {
    const key = keys.get(name);
    if (key === undefined) throw new Error(`there is no client ${name}`);
    return key;
  };
  const { publicKey } = new X509Certificate(certificates.selfSigned.certificatePem);
  const certificateKey = {
    ...publicKey.export({ format: 'jwk' }),
    kid: 'certificate-1',
    x5c: [certificates.selfSigned.der.toString('base64')],
  };
  const credentialsOf = (name: ClientName, { method }: Registration) => ({
    token_endpoint_auth_method: method,
    ...(method === 'private_key_jwt' ? { jwks: { keys: [{ ...keyOf(name).publicJwk, kid: keyOf(name).kid }] } } : {}),
    ...(method === 'self_signed_tls_client_auth' ? { jwks: { keys: [certificateKey] } } : {}),
    ...(method === 'tls_client_auth' ? { tls_client_auth_subject_dn: 'CN=desk,O=Arranger' } : {}),
  });
  const signsPeopleIn = ({ grants }: Registration): boolean => grants.includes('authorization_code');

  return {
    key: keyOf,
    directoryDocument(firms, issuer) {
      const document = firms.directoryDocument();
      const of = (list: string): readonly unknown[] => document[list] ?? [];
      return {
        ...document,
        services: [
          ...of('services'),
          ...entries.map(([name, { firm }]) => ({ id: `service:${name}`, institution: leis[firm], roles: [] })),
        ],
        clients: [
          ...of('clients'),
          ...entries.map(([name, registration]) => ({
            id: name,
            institution: leis[registration.firm],
            principal: `service:${name}`,
            kind: registration.kind,
            profile: registration.profile ?? 'fapi2',
            binding: bindingOf(registration),
            grant_types: registration.grants,
            scopes: registration.scopes,
            audiences: [
              ...registration.audiences,
              ...(registration.scopes.includes('openid') ? [`${issuer}/userinfo`] : []),
            ],
            ...credentialsOf(name, registration),
            ...(registration.profile === 'oidc' ? {} : { authorization_details_types: [orderType] }),
            ...(signsPeopleIn(registration) ? { redirect_uris: [redirectUri] } : {}),
            ...(registration.signed === true
              ? { require_signed_request_object: true, require_signed_response: true }
              : {}),
          })),
        ],
        resources: [
          ...of('resources'),
          ...[quotes, positions].map((uri) => ({
            uri,
            institution: leis.broker,
            scopes: ['order:read'],
            token_format: uri === quotes ? 'opaque' : 'jwt',
          })),
        ],
      };
    },
    metadata: entries.map(([name, registration]) => ({
      client_id: name,
      grant_types: registration.grants,
      redirect_uris: signsPeopleIn(registration) ? [redirectUri] : [],
      response_types: signsPeopleIn(registration) ? ['code'] : [],
      ...statedScope(registration),
      dpop_bound_access_tokens: bindingOf(registration) === 'dpop',
      tls_client_certificate_bound_access_tokens: bindingOf(registration) === 'mtls',
      require_pushed_authorization_requests: registration.profile !== 'oidc',
      require_signed_request_object: registration.signed === true,
      authorization_details_types: registration.profile === 'oidc' ? [] : [orderType],
      ...credentialsOf(name, registration),
    })),
  };
}

/** The other server derives the scopes of interfaces from the interface: a client registers those of the protocol. */
function statedScope({ scopes }: Registration): { readonly scope?: string } {
  const ofTheProtocol = scopes.filter((scope) => scope === 'openid' || scope === 'offline_access');
  return ofTheProtocol.length === 0 ? {} : { scope: ofTheProtocol.join(' ') };
}

function bindingOf({ profile, method }: Registration): 'none' | 'dpop' | 'mtls' {
  if (profile === 'oidc') return 'none';
  return method === 'private_key_jwt' ? 'dpop' : 'mtls';
}
