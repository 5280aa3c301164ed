import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { closeServer, listenOnLoopback } from './loopback.ts';
import { type BaselineSettings, runMeasured, type Server } from './measured-server.ts';

/**
 * node-oidc-provider for the same grant: client_credentials, private_key_jwt, DPoP, JWT access tokens by resource
 * indicator, ES256 throughout. Everything is in the memory of its own adapter: no database, no policy, no record.
 */
async function startOidcProvider({ clients, resource, scope }: BaselineSettings): Promise<Server> {
  const server = createServer();
  const issuer = await listenOnLoopback(server);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const resourceServer = {
    scope,
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: 300,
    jwt: { sign: { alg: 'ES256' } },
  };
  const provider = new Provider(issuer, {
    clients: clients.map(({ id, jwk }) => ({
      client_id: id,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      dpop_bound_access_tokens: true,
      jwks: { keys: [jwk] },
    })),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'token', alg: 'ES256', use: 'sig' }] },
    scopes: scope.split(' '),
    clientAuthMethods: ['private_key_jwt'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    ttl: { ClientCredentials: 300 },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: () => resourceServer,
        useGrantedResource: () => true,
      },
    },
  });
  provider.on('server_error', (_context, error) => void process.stderr.write(`${error.stack ?? error.message}\n`));
  server.on('request', provider.callback());
  return { url: issuer, stop: () => closeServer(server) };
}

await runMeasured(startOidcProvider);
