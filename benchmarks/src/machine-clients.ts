import { epochSeconds, sha256Base64Url, systemRandom } from '@countersign/kernel';
import { encodeHeader } from '@countersign/oauth';
import { generateSigningKey, type SigningKey } from '@countersign/sdk';
import { httpRequest } from './http-connection.ts';

/** A client of the benchmark: the key it authenticates with, and the key its tokens are bound to. */
export interface MachineClient {
  readonly id: string;
  readonly key: SigningKey;
  readonly proofKey: SigningKey;
}

/** Several, because a server that meets one key only would look better than it is. */
export function makeClients(prefix: string, count = 16): readonly MachineClient[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${prefix}-${index + 1}`,
    key: generateSigningKey(),
    proofKey: generateSigningKey(),
  }));
}

/** As a client registers it. */
export function publicJwk({ key }: MachineClient): Readonly<Record<string, string>> {
  return { ...key.publicJwk, kid: key.kid, alg: key.algorithm, use: 'sig' };
}

const lifeSeconds = 60;

/** What a client shows with one request, signed before the measured time; it must be sent within a minute. */
export interface Credentials {
  /** The members of the form by which the client authenticates. */
  readonly form: Readonly<Record<string, string>>;
  readonly dpop?: string;
}

/** Signs credentials for one endpoint: a client assertion (RFC 7523), and a DPoP proof where one is asked for. */
export function createCredentials(asked: {
  readonly issuer: string;
  readonly path: string;
  readonly proof: boolean;
}): (client: MachineClient) => Credentials {
  const prove = createProver({ method: 'POST', url: asked.issuer + asked.path });
  const headers = new Map<SigningKey, string>();
  return (client) => {
    const { key } = client;
    const header =
      headers.get(key) ?? encodeHeader({ alg: key.algorithm, typ: 'client-authentication+jwt', kid: key.kid });
    headers.set(key, header);
    const now = epochSeconds(Date.now());
    const claims = {
      iss: client.id,
      sub: client.id,
      aud: asked.issuer,
      jti: freshId(),
      iat: now,
      exp: now + lifeSeconds,
    };
    return {
      form: {
        client_id: client.id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: signJws(header, claims, key),
      },
      ...(asked.proof ? { dpop: prove(client) } : {}),
    };
  };
}

type Parameters = Readonly<Record<string, string>>;

/** A form with the credentials of its client, laid out as bytes. */
export function formRequest(
  url: string,
  parameters: Parameters,
  { form, dpop }: Credentials,
  headers: Parameters = {},
): Buffer {
  const sent = {
    'content-type': 'application/x-www-form-urlencoded',
    ...(dpop === undefined ? {} : { dpop }),
    ...headers,
  };
  return httpRequest('POST', url, sent, new URLSearchParams({ ...parameters, ...form }).toString());
}

/** Forms for one endpoint, the clients in turn: all that is left to do in the measured time is to send them. */
export function formRequests(asked: {
  readonly issuer: string;
  readonly path: string;
  /** Whether each brings a DPoP proof. */
  readonly proof: boolean;
  readonly clients: readonly MachineClient[];
  /** Beside client authentication; `index` counts the requests. */
  readonly parameters: (client: MachineClient, index: number) => Parameters;
  readonly headers?: Parameters;
  readonly count: number;
}): readonly Buffer[] {
  const credentials = createCredentials(asked);
  const url = asked.issuer + asked.path;
  return Array.from({ length: asked.count }, (_, index) => {
    const client = pick(asked.clients, index);
    return formRequest(url, asked.parameters(client, index), credentials(client), asked.headers);
  });
}

/** Token requests with the same parameters for every client. */
export function tokenRequests(asked: {
  readonly issuer: string;
  readonly clients: readonly MachineClient[];
  readonly parameters: Parameters;
  readonly count: number;
}): readonly Buffer[] {
  return formRequests({ ...asked, path: '/token', proof: true, parameters: () => asked.parameters });
}

/** Requests to a protected interface with tokens that are bound to the certificate of the connection (RFC 8705). */
export function certificateBoundRequests(asked: {
  readonly url: string;
  readonly callers: readonly { readonly accessToken: string; readonly body: unknown }[];
  readonly count: number;
}): readonly Buffer[] {
  const prepared = asked.callers.map(({ accessToken, body }) =>
    httpRequest(
      'POST',
      asked.url,
      { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
      JSON.stringify(body),
    ),
  );
  return Array.from({ length: asked.count }, (_, index) => pick(prepared, index));
}

/** Requests to a protected interface, each with its own proof. */
export function protectedRequests(asked: {
  readonly url: string;
  readonly callers: readonly { readonly client: MachineClient; readonly accessToken: string; readonly body: unknown }[];
  readonly count: number;
}): readonly Buffer[] {
  const prepared = asked.callers.map(({ client, accessToken, body }) => ({
    client,
    authorization: `DPoP ${accessToken}`,
    body: JSON.stringify(body),
    prove: createProver({ method: 'POST', url: asked.url, accessToken }),
  }));
  return Array.from({ length: asked.count }, (_, index) => {
    const { client, authorization, body, prove } = pick(prepared, index);
    return httpRequest(
      'POST',
      asked.url,
      { 'content-type': 'application/json', authorization, dpop: prove(client) },
      body,
    );
  });
}

/** DPoP proofs (RFC 9449 section 4.2) for one endpoint. */
export function createProver(target: { readonly method: string; readonly url: string; readonly accessToken?: string }) {
  const ath = target.accessToken === undefined ? {} : { ath: sha256Base64Url(target.accessToken) };
  const headers = new Map<SigningKey, string>();
  return ({ proofKey }: MachineClient): string => {
    const header =
      headers.get(proofKey) ?? encodeHeader({ alg: proofKey.algorithm, typ: 'dpop+jwt', jwk: proofKey.publicJwk });
    headers.set(proofKey, header);
    const claims = { htm: target.method, htu: target.url, jti: freshId(), iat: epochSeconds(Date.now()), ...ath };
    return signJws(header, claims, proofKey);
  };
}

function signJws(header: string, claims: object, key: SigningKey): string {
  const signingInput = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signingInput}.${Buffer.from(key.sign(Buffer.from(signingInput, 'latin1'))).toString('base64url')}`;
}

function freshId(): string {
  return Buffer.from(systemRandom.bytes(16)).toString('base64url');
}

/** Round and round. */
export function pick<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('there are no clients to ask with');
  return item;
}
