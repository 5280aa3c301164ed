import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { freePort } from '@countersign/testkit';
import Provider from 'oidc-provider';

/** What the person does at the provider: signs in like this, or cancels. */
export type AtProvider =
  | {
      readonly subject: string;
      readonly acr: string;
      readonly amr: readonly string[];
      /** Seconds since the epoch; now by default. */
      readonly authTime?: number;
    }
  | 'gives-up';

export interface OpenIdProvider {
  readonly issuer: string;
  readonly jwksUri: string;
  /** The behaviour at the next sign-ins. */
  person: AtProvider;
  /** Parameters of the authorization requests, the newest last. */
  readonly asked: URLSearchParams[];
  /** Goes through the provider's pages as a browser does. @returns the URL to which the browser is sent in the end */
  visit(location: string, cookies?: Map<string, string>): Promise<string>;
  stop(): Promise<void>;
}

/** node-oidc-provider as a partner's identity provider, with one relying party that authenticates with its key. */
export async function startOpenIdProvider(client: {
  readonly id: string;
  readonly redirectUri: string;
  readonly jwk: object;
  readonly acrValues: readonly string[];
}): Promise<OpenIdProvider> {
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        id_token_signed_response_alg: 'ES256',
        redirect_uris: [client.redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        jwks: { keys: [client.jwk] },
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'provider-1', alg: 'ES256', use: 'sig' }] },
    acrValues: [...client.acrValues],
    claims: { openid: ['sub'], acr: null, amr: null, auth_time: null, iss: null, sid: null },
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'], idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
    interactions: { url: (_context: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    loadExistingGrant: async (context: GrantContext) => {
      const grant = new context.oidc.provider.Grant({
        clientId: context.oidc.client.clientId,
        accountId: context.oidc.session.accountId,
      });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    ttl: { IdToken: 3_600, AuthorizationCode: 60, Interaction: 600, Session: 3_600, Grant: 3_600 },
  } as object);
  const asked: URLSearchParams[] = [];
  const state: { person: AtProvider } = { person: 'gives-up' };
  const callback = provider.callback();

  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { person } = state;
    const result =
      person === 'gives-up'
        ? { error: 'access_denied', error_description: 'The person gave up.' }
        : {
            login: {
              accountId: person.subject,
              acr: person.acr,
              amr: [...person.amr],
              ...(person.authTime === undefined ? {} : { ts: person.authTime }),
            },
          };
    await provider.interactionFinished(request, response, result);
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    if (url.pathname === '/auth') asked.push(url.searchParams);
    if (!url.pathname.startsWith('/interaction/')) return void callback(request, response);
    interact(request, response).catch(() => response.writeHead(500).end());
  });
  server.listen(Number(new URL(issuer).port), '127.0.0.1');
  await once(server, 'listening');

  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    asked,
    get person() {
      return state.person;
    },
    set person(person) {
      state.person = person;
    },
    async visit(location, cookies = new Map()) {
      let next = location;
      for (let steps = 0; next.startsWith(issuer) && steps < 10; steps++) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const answer = await fetch(next, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } });
        for (const set of answer.headers.getSetCookie()) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
          if (value === '') cookies.delete(name);
          else cookies.set(name, value);
        }
        const to = answer.headers.get('location');
        if (to === null) throw new Error(`the provider stays at ${next}: ${answer.status} ${await answer.text()}`);
        next = new URL(to, next).href;
      }
      return next;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface GrantContext {
  readonly oidc: {
    readonly provider: Provider;
    readonly client: { readonly clientId: string };
    readonly session: { readonly accountId: string };
  };
}
