import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { createServer } from 'node:http';
import { closeServer, listenOnLoopback } from './loopback.ts';
import { type BaselineSettings, runMeasured, type Server } from './measured-server.ts';

/**
 * The floor: the HTTP and the cryptography that a DPoP-bound token for a private_key_jwt client cannot do without,
 * and nothing else. It checks the two signatures and believes the rest: no times, no audience, no replay, no policy,
 * no record. Never a server to copy from.
 */
async function startBareServer({ clients, resource, scope }: BaselineSettings): Promise<Server> {
  const clientKeys = new Map(clients.map(({ id, jwk }) => [id, createPublicKey({ key: { ...jwk }, format: 'jwk' })]));
  const proofKeys = new Map<string, { readonly key: KeyObject; readonly jkt: string }>();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tokenHeader = base64UrlJson({ alg: 'ES256', typ: 'at+jwt', kid: 'floor' });
  let issuer = '';

  function token(form: URLSearchParams, proof: string): string {
    const assertion = form.get('client_assertion') ?? '';
    const { sub } = readPart(assertion, 1);
    const clientKey = typeof sub === 'string' ? clientKeys.get(sub) : undefined;
    if (clientKey === undefined || !verifies(assertion, clientKey)) throw new Error('client assertion');
    const { jwk } = readPart(proof, 0);
    const { key, jkt } = proofKeyOf(jwk);
    if (!verifies(proof, key)) throw new Error('proof');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub,
      aud: resource,
      client_id: sub,
      iat: now,
      exp: now + 300,
      jti: randomBytes(16).toString('base64url'),
      scope,
      cnf: { jkt },
    };
    const signingInput = `${tokenHeader}.${base64UrlJson(claims)}`;
    const signature = sign('sha256', Buffer.from(signingInput), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signingInput}.${signature.toString('base64url')}`;
  }

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

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      let status = 200;
      let answer: object;
      try {
        const proof = request.headers['dpop'];
        const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
        answer = {
          access_token: token(form, typeof proof === 'string' ? proof : ''),
          token_type: 'DPoP',
          expires_in: 300,
          scope,
        };
      } catch (error) {
        status = 400;
        answer = { error: 'invalid_request', error_description: String(error) };
      }
      const body = Buffer.from(JSON.stringify(answer));
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    });
  });
  issuer = await listenOnLoopback(server);
  return { url: issuer, stop: () => closeServer(server) };
}

function readPart(jws: string, part: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(jws.split('.')[part] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
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
