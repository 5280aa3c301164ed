import { epochSeconds, sha256Base64Url, systemRandom } from '@countersign/kernel';
import { encodeHeader } from '@countersign/oauth';
import { generateSigningKey, type SigningKey } from '@countersign/sdk';

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

/**
 * Token requests, signed and laid out as bytes: all that is left to do in the measured time is to send them. They
 * must be sent within a minute.
 *
 * @param parameters of the form, beside client authentication; a function where each client has its own
 */
export function tokenRequests(asked: {
  readonly issuer: string;
  readonly clients: readonly MachineClient[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly count: number;
}): readonly Buffer[] {
  const url = `${asked.issuer}/token`;
  const prepared = asked.clients.map((client) => ({
    client,
    form: new URLSearchParams({
      ...asked.parameters,
      client_id: client.id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }).toString(),
    assertionHeader: encodeHeader({ alg: client.key.algorithm, typ: 'client-authentication+jwt', kid: client.key.kid }),
  }));
  const prove = createProver({ method: 'POST', url });
  return Array.from({ length: asked.count }, (_, index) => {
    const { client, form, assertionHeader } = pick(prepared, index);
    const now = epochSeconds(Date.now());
    const claims = {
      iss: client.id,
      sub: client.id,
      aud: asked.issuer,
      jti: freshId(),
      iat: now,
      exp: now + lifeSeconds,
    };
    const body = `${form}&client_assertion=${signJws(assertionHeader, claims, client.key)}`;
    return httpRequest('POST', url, { 'content-type': 'application/x-www-form-urlencoded', dpop: prove(client) }, body);
  });
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
function createProver(target: { readonly method: string; readonly url: string; readonly accessToken?: string }) {
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

function httpRequest(method: string, url: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const { host, pathname } = new URL(url);
  const lines = Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) });
  return Buffer.from(
    `${method} ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

function freshId(): string {
  return Buffer.from(systemRandom.bytes(16)).toString('base64url');
}

function pick<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('there are no clients to ask with');
  return item;
}
