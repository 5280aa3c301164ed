import { epochSeconds, sha256Base64Url, systemRandom } from '@countersign/kernel';
import { encodeHeader } from '@countersign/oauth';
import { type Client, createClient, generateSigningKey, type SigningKey, type Transport } from '@countersign/sdk';
import { httpRequest } from './http-connection.ts';

/** A client of the benchmark: the key it authenticates with, and the key its tokens are bound to. */
export interface MachineClient {
  readonly id: string;
  readonly key: SigningKey;
  readonly proofKey: SigningKey;
}

/** Several clients, because a server with only one client key would look faster than it is. */
export function makeClients(prefix: string, count = 16): readonly MachineClient[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${prefix}-${index + 1}`,
    key: generateSigningKey(),
    proofKey: generateSigningKey(),
  }));
}

/** The SDK's client for it. */
export function clientOf({ id, key, proofKey }: MachineClient, issuer: string, transport?: Transport): Client {
  return createClient({ issuer, clientId: id, key, proofKey, ...(transport === undefined ? {} : { transport }) });
}

/** The public key in the form in which a client registers it. */
export function publicJwk({ key }: MachineClient): Readonly<Record<string, string>> {
  return { ...key.publicJwk, kid: key.kid, alg: key.algorithm, use: 'sig' };
}

const lifeSeconds = 60;

/** Credentials for one request, signed before the measured time. They expire after a minute. */
export interface Credentials {
  /** The members of the form by which the client authenticates. */
  readonly form: Readonly<Record<string, string>>;
  readonly dpop?: string;
}

/** Signs credentials for one endpoint: a client assertion (RFC 7523), and optionally a DPoP proof. */
export function createCredentials(asked: {
  readonly issuer: string;
  readonly path: string;
  readonly proof: boolean;
}): (client: MachineClient) => Credentials {
  const prove = createProver({ method: 'POST', url: asked.issuer + asked.path });
  const headers = new Map<SigningKey, string>();
  return (client) => {
    const { id, key } = client;
    const header =
      headers.get(key) ?? encodeHeader({ alg: key.algorithm, typ: 'client-authentication+jwt', kid: key.kid });
    headers.set(key, header);
    const now = epochSeconds(Date.now());
    const claims = { iss: id, sub: id, aud: asked.issuer, jti: freshId(), iat: now, exp: now + lifeSeconds };
    return {
      form: {
        client_id: id,
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

/** Forms for one endpoint, by the clients in turn, complete before the measured time. */
export function formRequests(asked: {
  readonly issuer: string;
  readonly path: string;
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

/** A request to a protected interface, with a token bound to the key of `client`, or to the certificate of the connection. */
export interface ProtectedCall {
  readonly client?: MachineClient;
  readonly accessToken: string;
  readonly body: unknown;
}

/** Requests to a protected interface; those with a client each have their own proof. */
export function protectedRequests(url: string, calls: readonly ProtectedCall[], count: number): readonly Buffer[] {
  const prepared = calls.map(({ client, accessToken, body }) => {
    const prove = createProver({ method: 'POST', url, accessToken });
    const text = JSON.stringify(body);
    const authorization = `${client === undefined ? 'Bearer' : 'DPoP'} ${accessToken}`;
    return () => {
      const proof = client === undefined ? {} : { dpop: prove(client) };
      return httpRequest('POST', url, { 'content-type': 'application/json', authorization, ...proof }, text);
    };
  });
  return Array.from({ length: count }, (_, index) => pick(prepared, index)());
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

/** The item at an index that starts again at the end of the list. */
export function pick<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('an empty list');
  return item;
}
