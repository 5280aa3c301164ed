import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { createBareSignatures } from './bare-signatures.ts';
import { closeServer, listenOnLoopback } from './loopback.ts';
import { type BaselineSettings, runMeasured, type Server } from './measured-server.ts';

interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly location?: string;
  readonly body: string;
}

type Endpoint = (form: URLSearchParams, request: IncomingMessage) => Reply;

/**
 * The floor: the HTTP and the signatures that the protocol cannot do without, and nothing else. It checks signatures
 * and believes the rest: no times, no audience, no replay, no policy, no person, no record, and nothing is remembered,
 * so every code and refresh token is as good as another. Never a server to copy from.
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

await runMeasured(startBareServer);
