import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import type { BaselineClient } from './measured-server.ts';

type Claims = Readonly<Record<string, unknown>>;

/** The cryptography of an authorization server: one-shot `node:crypto` with keys kept, ES256 throughout. */
export interface BareSignatures {
  /** @returns the id of the client that signed the assertion */
  client(assertion: string): string;
  /** @returns the thumbprint of the key that signed the proof (RFC 7638) */
  proof(proof: string): string;
  /** @returns the claims of a token that {@link issue} signed */
  token(token: string): Claims;
  issue(typ: 'at+jwt' | 'JWT' | 'token-introspection+jwt', claims: object): string;
}

export function createBareSignatures(clients: readonly BaselineClient[]): BareSignatures {
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
    client(assertion) {
      const { sub } = readPart(assertion, 1);
      const key = typeof sub === 'string' ? clientKeys.get(sub) : undefined;
      if (typeof sub !== 'string' || key === undefined || !verifies(assertion, key))
        throw new Error('client assertion');
      return sub;
    },
    proof(proof) {
      const { key, jkt } = proofKeyOf(readPart(proof, 0)['jwk']);
      if (!verifies(proof, key)) throw new Error('proof');
      return jkt;
    },
    token(token) {
      if (!verifies(token, publicKey)) throw new Error('token');
      return readPart(token, 1);
    },
    issue(typ, claims) {
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
