import { createHash, randomBytes } from 'node:crypto';
import type { PersonBrowser } from './person-browser.ts';
import type { Fields, PostOptions, RawClient } from './raw-client.ts';
import { redirectUri } from './relying-parties.ts';
import type { WireAnswer } from './wire.ts';

/** A pair of code verifier and code challenge (RFC 7636). */
export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

export function createPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export interface AllowedCode extends Pkce {
  readonly code: string;
}

/** The code flow of one client and one person, step by step. */
export interface CodeFlow {
  /** The fields of the pushed request. */
  request(pkce: Pkce, parameters?: Fields): Fields;
  /** @throws Error with the refusal */
  push(fields: Fields, options?: PostOptions): Promise<string>;
  /** The URL to which the browser is sent. */
  urlOf(requestUri: string): string;
  /** Pushes, has the person allow it, and takes the code from the redirect. */
  allow(parameters?: Fields): Promise<AllowedCode>;
  redeem(allowed: AllowedCode, parameters?: Fields, options?: PostOptions): Promise<WireAnswer>;
  refresh(refreshToken: string, parameters?: Fields, options?: PostOptions): Promise<WireAnswer>;
}

export function codeFlow(of: {
  readonly issuer: string;
  readonly client: RawClient;
  readonly browser: PersonBrowser;
  readonly person: string;
}): CodeFlow {
  const { issuer, client, browser, person } = of;
  const flow: CodeFlow = {
    request: ({ challenge }, parameters = [['scope', 'openid']]) => [
      ['response_type', 'code'],
      ['redirect_uri', redirectUri],
      ['code_challenge', challenge],
      ['code_challenge_method', 'S256'],
      ...parameters,
    ],
    async push(fields, options) {
      const { status, members, body } = await client.post('/par', fields, options);
      const { request_uri: requestUri } = members;
      if (status !== 201 || typeof requestUri !== 'string') throw new Error(`not taken: ${body}`);
      return requestUri;
    },
    urlOf: (requestUri) =>
      `${issuer}/authorize?${new URLSearchParams({ client_id: client.id, request_uri: requestUri }).toString()}`,
    async allow(parameters) {
      const pkce = createPkce();
      const answer = await browser.authorize(flow.urlOf(await flow.push(flow.request(pkce, parameters))), { person });
      const code = answer.searchParams.get('code');
      if (code === null) throw new Error(`no code: ${answer.search}`);
      return { ...pkce, code };
    },
    redeem: ({ code, verifier }, parameters = [], options) =>
      client.post(
        '/token',
        [
          ['grant_type', 'authorization_code'],
          ['code', code],
          ['redirect_uri', redirectUri],
          ['code_verifier', verifier],
          ...parameters,
        ],
        options,
      ),
    refresh: (refreshToken, parameters = [], options) =>
      client.post('/token', [['grant_type', 'refresh_token'], ['refresh_token', refreshToken], ...parameters], options),
  };
  return flow;
}

/** A member of an answer that must be text. @throws Error with the whole answer */
export function textIn({ members, body }: WireAnswer, name: string): string {
  const value = members[name];
  if (typeof value !== 'string') throw new Error(`no ${name} in ${body}`);
  return value;
}
