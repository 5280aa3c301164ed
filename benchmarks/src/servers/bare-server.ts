import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { closeServer, listenOnLoopback } from './loopback.ts';
import { type BaselineClient, type BaselineSettings, runMeasured, type Server } from './measured-server.ts';

interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly location?: string;
  readonly body: string;
}

type Endpoint = (form: URLSearchParams, request: IncomingMessage) => Reply;

/**
 * The floor: only the HTTP and the signatures that the protocol requires. It checks signatures and nothing else (no times,
 * audience, replay, policy, person or record), and stores nothing, so it accepts every code and refresh token. Do not copy it.
 */
async function startBareServer({ clients, resources, redirectUri }: BaselineSettings): Promise<Server> {
  const signatures = createBareSignatures(clients);
  const [first] = resources;
  let issuer = '';
  const secret = (): string => randomBytes(32).toString('base64url');
  const assertionOf = (form: URLSearchParams): string => form.get('client_assertion') ?? '';

  /** Two signatures verified, one made; a second one for the ID token of a code. */
  function token(form: URLSearchParams, request: IncomingMessage): Reply {
    const client = signatures.client(assertionOf(form));
    const proof = request.headers['dpop'];
    const jkt = signatures.proof(typeof proof === 'string' ? proof : '');
    const now = Math.floor(Date.now() / 1000);
    const common = { iss: issuer, sub: client, iat: now, exp: now + 300, jti: secret() };
    const scope = form.get('scope') ?? first?.scope;
    const aud = form.get('resource') ?? first?.uri;
    const accessToken = signatures.issue('at+jwt', { ...common, aud, client_id: client, scope, cnf: { jkt } });
    const consented = form.get('grant_type') === 'authorization_code';
    return json(200, {
      access_token: accessToken,
      token_type: 'DPoP',
      expires_in: 300,
      scope,
      ...(consented
        ? { refresh_token: secret(), id_token: signatures.issue('JWT', { ...common, aud: client, nonce: secret() }) }
        : {}),
    });
  }

  function push(form: URLSearchParams): Reply {
    signatures.client(assertionOf(form));
    return json(201, { request_uri: `urn:ietf:params:oauth:request_uri:${secret()}`, expires_in: 300 });
  }

  const authorize = (): Reply => ({
    status: 200,
    type: 'text/html; charset=utf-8',
    body: `<!doctype html><title>Allow?</title><form method="post" action="/authorize/decision"><input type="hidden" name="csrf" value="${secret()}"><button name="decision" value="allow">Allow</button></form>`,
  });

  const decide = (): Reply => ({ status: 303, location: `${redirectUri}?code=${secret()}&iss=${issuer}`, body: '' });

  /** Two signatures verified; one made where the answer is asked for signed (RFC 9701). */
  function introspect(form: URLSearchParams, request: IncomingMessage): Reply {
    const aud = signatures.client(assertionOf(form));
    const answer = { ...signatures.token(form.get('token') ?? ''), active: true, token_type: 'DPoP' };
    const typ = 'token-introspection+jwt';
    const type = `application/${typ}`;
    if (request.headers.accept !== type) return json(200, answer);
    const iat = Math.floor(Date.now() / 1000);
    return { status: 200, type, body: signatures.issue(typ, { iss: issuer, aud, iat, token_introspection: answer }) };
  }

  const endpoints: Readonly<Record<string, Endpoint>> = {
    'POST /token': token,
    'POST /par': push,
    'GET /authorize': authorize,
    'POST /authorize/decision': decide,
    'POST /introspect': introspect,
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, type, location, body } = answerTo(request, Buffer.concat(chunks).toString('utf8'));
      response
        .writeHead(status, {
          ...(type === undefined ? {} : { 'content-type': type }),
          ...(location === undefined ? {} : { location }),
          'content-length': Buffer.byteLength(body),
        })
        .end(body);
    });
  });

  function answerTo(request: IncomingMessage, body: string): Reply {
    try {
      const endpoint = endpoints[`${request.method} ${request.url?.split('?', 1)[0]}`];
      if (endpoint === undefined) return json(404, { error: 'not_found' });
      return endpoint(new URLSearchParams(body), request);
    } catch (error) {
      return json(400, { error: 'invalid_request', error_description: String(error) });
    }
  }
  issuer = await listenOnLoopback(server);
  return { url: issuer, stop: () => closeServer(server) };
}

function json(status: number, answer: object): Reply {
  return { status, type: 'application/json', body: JSON.stringify(answer) };
}

type Claims = Readonly<Record<string, unknown>>;

/** The cryptography of an authorization server: one-shot `node:crypto` with cached keys, ES256 throughout. */
function createBareSignatures(clients: readonly BaselineClient[]) {
  const clientKeys = new Map(clients.map(({ id, jwk }) => [id, createPublicKey({ key: { ...jwk }, format: 'jwk' })]));
  const proofKeys = new Map<string, { readonly key: KeyObject; readonly jkt: string }>();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const headers = new Map<string, string>();

  function proofKeyOf(jwk: unknown): { readonly key: KeyObject; readonly jkt: string } {
    const { crv, kty, x, y } = jwk as Record<string, string>;
    const canonical = JSON.stringify({ crv, kty, x, y });
    const known = proofKeys.get(canonical);
    if (known !== undefined) return known;
    const key = createPublicKey({ key: { ...(jwk as object) }, format: 'jwk' });
    const imported = { key, jkt: createHash('sha256').update(canonical).digest('base64url') };
    proofKeys.set(canonical, imported);
    return imported;
  }

  return {
    /** @returns the id of the client that signed the assertion */
    client(assertion: string): string {
      const { sub } = readPart(assertion, 1);
      const key = typeof sub === 'string' ? clientKeys.get(sub) : undefined;
      if (typeof sub !== 'string' || key === undefined || !verifies(assertion, key))
        throw new Error('client assertion');
      return sub;
    },
    /** @returns the thumbprint of the key that signed the proof (RFC 7638) */
    proof(proof: string): string {
      const { key, jkt } = proofKeyOf(readPart(proof, 0)['jwk']);
      if (!verifies(proof, key)) throw new Error('proof');
      return jkt;
    },
    /** @returns the claims of a token of this server */
    token(token: string): Claims {
      if (!verifies(token, publicKey)) throw new Error('token');
      return readPart(token, 1);
    },
    issue(typ: 'at+jwt' | 'JWT' | 'token-introspection+jwt', claims: object): string {
      const header = headers.get(typ) ?? base64UrlJson({ alg: 'ES256', typ, kid: 'floor' });
      headers.set(typ, header);
      const signingInput = `${header}.${base64UrlJson(claims)}`;
      const signature = sign('sha256', Buffer.from(signingInput), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${signingInput}.${signature.toString('base64url')}`;
    },
  };
}

function readPart(jws: string, part: 0 | 1): Claims {
  return JSON.parse(Buffer.from(jws.split('.')[part] ?? '', 'base64url').toString('utf8')) as Claims;
}

function verifies(jws: string, key: KeyObject): boolean {
  const end = jws.lastIndexOf('.');
  const signature = Buffer.from(jws.slice(end + 1), 'base64url');
  return verify('sha256', Buffer.from(jws.slice(0, end)), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function base64UrlJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

await runMeasured(startBareServer);
