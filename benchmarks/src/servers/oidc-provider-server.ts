import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { InteractionDetails } from 'oidc-provider';
import Provider from 'oidc-provider';
import { closeServer, listenOnLoopback } from './loopback.ts';
import { type BaselineClient, type BaselineSettings, runMeasured, type Server } from './measured-server.ts';

/**
 * node-oidc-provider for the same grants: private_key_jwt, DPoP, ES256 throughout, access tokens by resource indicator,
 * pushed requests, S256, the FAPI 2.0 profile, a consent prompt every time, no rotation of refresh tokens. Everything is in
 * memory: no database, no policy, no record.
 */
async function startOidcProvider(settings: BaselineSettings): Promise<Server> {
  const { clients, resources, redirectUri } = settings;
  const server = createServer();
  const issuer = await listenOnLoopback(server);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const scopes = [...new Set(resources.flatMap(({ scope }) => scope.split(' ')))];
  const provider = new Provider(issuer, {
    adapter: memoryOf,
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

/** Only the consent just given counts: as for our trading clients, a person is asked each time. */
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
  if (resource === undefined) throw new Error('an unregistered resource');
  return {
    scope: resource.scope,
    audience: uri,
    accessTokenFormat: resource.tokenFormat,
    accessTokenTTL: 300,
    jwt: { sign: { alg: 'ES256' } },
  };
}

/** Minimal sign-in and consent: a page with a form each. A consent covers the whole request, in a new grant. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const details = await provider.interactionDetails(request, response);
  const { prompt } = details;
  if (request.method === 'GET') {
    const field =
      prompt.name === 'login' ? '<input name="person">' : '<button name="decision" value="allow">Allow</button>';
    const page = `<!doctype html><title>${prompt.name}</title><form method="post" action="/interaction/${details.uid}">${field}</form>`;
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': Buffer.byteLength(page) })
      .end(page);
    return;
  }
  const form = await readForm(request);
  const result =
    prompt.name === 'login'
      ? { login: { accountId: form.get('person') } }
      : { consent: { grantId: await consent(provider, details) } };
  await provider.interactionFinished(request, response, result);
}

async function consent(provider: Provider, { prompt, session, params }: InteractionDetails): Promise<string> {
  const grant = new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {}))
    grant.addResourceScope(resource, scopes.join(' '));
  return grant.save();
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

interface Kept {
  readonly uid?: string;
  readonly grantId?: string;
  consumed?: number;
}

const kept = new Map<string, Kept>();
const byUid = new Map<string, string>();
const byGrant = new Map<string, string[]>();

/**
 * Storage for node-oidc-provider: maps without bounds and expiry, so that nothing is lost during the measurement. Its own
 * adapter keeps only the last thousand items, including sessions.
 */
function memoryOf(model: string) {
  const keyOf = (id: string): string => `${model}:${id}`;
  const find = async (id: string): Promise<Kept | undefined> => kept.get(keyOf(id));
  return {
    find,
    async upsert(id: string, payload: Kept): Promise<void> {
      kept.set(keyOf(id), payload);
      if (model === 'Session' && payload.uid !== undefined) byUid.set(payload.uid, id);
      if (payload.grantId === undefined) return;
      byGrant.set(payload.grantId, [...(byGrant.get(payload.grantId) ?? []), keyOf(id)]);
    },
    async findByUid(uid: string): Promise<Kept | undefined> {
      const id = byUid.get(uid);
      return id === undefined ? undefined : find(id);
    },
    findByUserCode: async (): Promise<undefined> => undefined,
    async consume(id: string): Promise<void> {
      const found = await find(id);
      if (found !== undefined) found.consumed = Math.floor(Date.now() / 1000);
    },
    destroy: async (id: string): Promise<void> => void kept.delete(keyOf(id)),
    async revokeByGrantId(grantId: string): Promise<void> {
      for (const key of byGrant.get(grantId) ?? []) kept.delete(key);
      byGrant.delete(grantId);
    },
  };
}

await runMeasured(startOidcProvider);
