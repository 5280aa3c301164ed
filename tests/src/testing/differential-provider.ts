import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { parseAuthorizationDetails } from '@countersign/market';
import { freePort } from '@countersign/testkit';
import Provider from 'oidc-provider';
import { interfaces, orderType, type RegisteredClients, scopesFor } from './differential-clients.ts';
import type { Certificates } from './relying-parties.ts';

/** The part that is used of what node-oidc-provider passes to the functions of its configuration. */
interface Context {
  readonly req: { readonly socket: unknown };
  readonly oidc: { readonly params?: { readonly authorization_details?: string } };
}
interface ProviderClient {
  readonly clientId: string;
}
interface ProviderToken {
  readonly aud?: string | readonly string[];
  readonly rar?: readonly unknown[];
}

export interface RunningProvider {
  readonly issuer: string;
  /** Base of the listener that asks for client certificates. */
  readonly mtlsBase: string;
  /** Its internal errors, which no request should cause. */
  readonly faults: readonly Error[];
  stop(): Promise<void>;
}

/**
 * node-oidc-provider, configured like the control plane of the tests: FAPI 2.0, pushed requests, DPoP with nonces, mutual
 * TLS on a second listener, signed requests and responses, resource indicators, authorization details of the one type that
 * the clients are registered for, opaque and signed tokens for the same interfaces. Its own pages let a person sign in and
 * consent. It keeps its state in memory.
 */
export async function startProvider(options: {
  readonly clients: RegisteredClients;
  readonly certificates: Certificates;
  readonly requireNonce: boolean;
}): Promise<RunningProvider> {
  const { clients, certificates, requireNonce } = options;
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const faults: Error[] = [];
  const provider = new Provider(issuer, configurationOf(clients, requireNonce));
  provider.on('server_error', (_context, error) => void faults.push(error));
  const plain = createServer(provider.callback());
  const tls = createTlsServer(
    {
      cert: certificates.server.certificatePem,
      key: certificates.server.privateKeyPem,
      ca: certificates.authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    provider.callback(),
  );
  plain.listen(Number(new URL(issuer).port), '127.0.0.1');
  tls.listen(0, '127.0.0.1');
  await Promise.all([once(plain, 'listening'), once(tls, 'listening')]);
  const address = tls.address();
  return {
    issuer,
    mtlsBase: `https://localhost:${typeof address === 'object' && address !== null ? address.port : 0}`,
    faults,
    stop: async () => void (await Promise.all([close(plain), close(tls)])),
  };
}

const algorithms = ['ES256', 'PS256', 'EdDSA'];

function configurationOf(clients: RegisteredClients, requireNonce: boolean): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    clients: clients.metadata,
    clientDefaults: {
      id_token_signed_response_alg: 'ES256',
      authorization_signed_response_alg: 'ES256',
      introspection_signed_response_alg: 'ES256',
    },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'provider-1', alg: 'ES256', use: 'sig' }] },
    routes: {
      authorization: '/authorize',
      pushed_authorization_request: '/par',
      token: '/token',
      introspection: '/introspect',
      revocation: '/revoke',
      userinfo: '/userinfo',
      jwks: '/jwks',
      end_session: '/logout',
      backchannel_authentication: '/bc-authorize',
      registration: '/register',
    },
    scopes: ['openid', 'offline_access'],
    responseTypes: ['code'],
    clientAuthMethods: ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'],
    enabledJWA: {
      clientAuthSigningAlgValues: algorithms,
      requestObjectSigningAlgValues: algorithms,
      dPoPSigningAlgValues: algorithms,
      idTokenSigningAlgValues: ['ES256'],
      introspectionSigningAlgValues: ['ES256'],
      authorizationSigningAlgValues: ['ES256'],
    },
    pkce: { required: () => true },
    rotateRefreshToken: () => false,
    allowOmittingSingleRegisteredRedirectUri: false,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    ttl: {
      AccessToken: 300,
      ClientCredentials: 300,
      AuthorizationCode: 60,
      IdToken: 300,
      RefreshToken: 90 * 86_400,
      Grant: 90 * 86_400,
      Session: 28_800,
      Interaction: 900,
    },
    features: {
      fapi: {
        enabled: true,
        profile: (_context: Context, client: ProviderClient | undefined) =>
          client?.clientId === 'dashboard' ? undefined : '2.0',
      },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => requireNonce },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: certificateOf,
        certificateAuthorized: ({ req }: Context) => req.socket instanceof TLSSocket && req.socket.authorized,
        certificateSubjectMatches: (context: Context, _member: string, expected: string) =>
          sameName(certificateOf(context)?.subject ?? '', expected),
      },
      backchannelLogout: { enabled: true },
      ciba: { enabled: true, deliveryModes: ['poll', 'ping'] },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        // Like ours, where interfaces belong to institutions: the broker's resource server may introspect the broker's tokens.
        allowedPolicy: (_context: Context, client: ProviderClient, { aud }: ProviderToken) =>
          client.clientId === 'broker-api' && typeof aud === 'string',
      },
      jwtIntrospection: { enabled: true },
      jwtResponseModes: { enabled: true },
      registration: { enabled: true },
      requestObjects: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: Context, resource: string, client: ProviderClient) =>
          resourceServer(resource, client.clientId),
      },
      richAuthorizationRequests: {
        enabled: true,
        types: { [orderType]: { validate: (_context: Context, detail: unknown) => requireOrder(detail) } },
        authorizationDetailsForGrantSource: ({ oidc }: Context) => detailsIn(oidc.params?.authorization_details),
        authorizationDetailsForAccessToken: ({ oidc }: Context, _token: unknown, source?: ProviderToken) =>
          detailsIn(oidc.params?.authorization_details) ?? source?.rar,
        authorizationDetailsForIntrospection: (_context: Context, token: ProviderToken) => token.rar,
      },
    },
  };
}

/** An OAuth error in the form that the provider uses for errors of its configuration's functions. */
class Refusal extends Error {
  readonly statusCode = 400;
  readonly status = 400;
  readonly expose = true;
  readonly allow_redirect = true;
  readonly error: string;
  readonly error_description: string;
  constructor(error: string, description: string) {
    super(error);
    this.error = error;
    this.error_description = description;
  }
}

function resourceServer(resource: string, client: string): object {
  const scopes = scopesFor(client, resource);
  if (scopes === undefined) throw new Refusal('invalid_target', 'resource indicator is missing, or unknown');
  return {
    scope: scopes.join(' '),
    audience: resource,
    accessTokenTTL: 300,
    accessTokenFormat: Object.entries(interfaces).find(([uri]) => uri === resource)?.[1].format ?? 'opaque',
    jwt: { sign: { alg: 'ES256' } },
  };
}

function requireOrder(detail: unknown): void {
  const parsed = parseAuthorizationDetails([detail]);
  if (!parsed.ok) throw new Refusal('invalid_authorization_details', parsed.detail);
}

function detailsIn(text: string | undefined): readonly unknown[] | undefined {
  if (text === undefined) return undefined;
  const details: unknown = JSON.parse(text);
  return Array.isArray(details) ? details : undefined;
}

function certificateOf({ req }: Context): X509Certificate | undefined {
  if (!(req.socket instanceof TLSSocket)) return undefined;
  const certificate = req.socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : new X509Certificate(certificate.raw);
}

/** Node writes one part of the name a line, in the order of the certificate. */
function sameName(subject: string, expected: string): boolean {
  return subject.split('\n').sort().join() === expected.split(',').sort().join();
}

async function close(server: Server | ReturnType<typeof createTlsServer>): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
