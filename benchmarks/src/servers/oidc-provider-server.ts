import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { closeServer, listenOnLoopback } from './loopback.ts';
import { type BaselineClient, type BaselineSettings, runMeasured, type Server } from './measured-server.ts';
import { interact } from './oidc-provider-interaction.ts';
import { Memory } from './oidc-provider-memory.ts';

/**
 * node-oidc-provider for the same grants: private_key_jwt, DPoP, ES256 throughout, access tokens by resource indicator,
 * pushed requests, S256, the FAPI 2.0 profile, a consent asked for every time, no rotation of refresh tokens.
 * Everything is in memory: no database, no policy, no record.
 */
async function startOidcProvider(settings: BaselineSettings): Promise<Server> {
  const { clients, resources, redirectUri } = settings;
  const server = createServer();
  const issuer = await listenOnLoopback(server);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const scopes = [...new Set(resources.flatMap(({ scope }) => scope.split(' ')))];
  const provider = new Provider(issuer, {
    adapter: Memory,
    clients: clients.map((client) => registration(client, redirectUri, scopes)),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'token', alg: 'ES256', use: 'sig' }] },
    scopes: ['openid', 'offline_access', ...scopes],
    clientAuthMethods: ['private_key_jwt'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { introspectionSigningAlgValues: ['ES256'] },
    // As ours, so that the same requests can be sent.
    routes: { authorization: '/authorize', pushed_authorization_request: '/par', introspection: '/introspect' },
    ttl: { ClientCredentials: 300, AccessToken: 300, Session: 3600, Interaction: 900, Grant: 3600, RefreshToken: 3600 },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    rotateRefreshToken: false,
    loadExistingGrant,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      fapi: { enabled: true, profile: '2.0' },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resources[0]?.uri,
        getResourceServerInfo: (_context: unknown, uri: string) => resourceServer(settings, uri),
        useGrantedResource: () => true,
      },
    },
  });
  provider.on('server_error', (_context, error) => void process.stderr.write(`${error.stack ?? error.message}\n`));
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) return answer(request, response);
    interact(provider, request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  return { url: issuer, stop: () => closeServer(server) };
}

interface ConsentContext {
  readonly oidc: {
    readonly provider: Provider;
    readonly result?: { readonly consent?: { readonly grantId: string } };
  };
}

/** What was allowed just now, and nothing that was allowed before: as of our clients that trade, a person is asked each time. */
async function loadExistingGrant({ oidc }: ConsentContext): Promise<unknown> {
  const grantId = oidc.result?.consent?.grantId;
  return grantId === undefined ? undefined : oidc.provider.Grant.find(grantId);
}

function registration({ id, jwk, grantTypes }: BaselineClient, redirectUri: string, scopes: readonly string[]): object {
  const people = grantTypes.includes('authorization_code');
  return {
    client_id: id,
    grant_types: grantTypes,
    redirect_uris: people ? [redirectUri] : [],
    response_types: people ? ['code'] : [],
    scope: [...(people ? ['openid', 'offline_access'] : []), ...scopes].join(' '),
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    introspection_signed_response_alg: 'ES256',
    dpop_bound_access_tokens: true,
    jwks: { keys: [jwk] },
  };
}

function resourceServer({ resources }: BaselineSettings, uri: string): object {
  const resource = resources.find((known) => known.uri === uri);
  if (resource === undefined) throw new Error('a resource that nobody registered');
  return {
    scope: resource.scope,
    audience: uri,
    accessTokenFormat: resource.tokenFormat,
    accessTokenTTL: 300,
    jwt: { sign: { alg: 'ES256' } },
  };
}

await runMeasured(startOidcProvider);
