import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface AssertionChange {
  /** Members to set; `undefined` leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly typ?: string;
  /** `PS256` signs with the provider's other key; the key set holds both. */
  readonly algorithm?: 'ES256' | 'PS256';
  /** Signs with a key that the provider does not publish. */
  readonly forged?: boolean;
}

/** The arranger's identity provider: a key set over HTTP, and assertions of any kind, valid or not. */
export interface IdentityProvider {
  readonly issuer: string;
  /** An assertion that `subject` has just signed in with a security key, for `audience`. */
  assertion(subject: string, audience: string, change?: AssertionChange): Promise<string>;
  stop(): Promise<void>;
}

export async function startIdentityProvider(): Promise<IdentityProvider> {
  const [elliptic, rsa, unpublished] = await Promise.all([
    generateKeyPair('ES256'),
    generateKeyPair('PS256', { modulusLength: 2048 }),
    generateKeyPair('ES256'),
  ]);
  const keys = await Promise.all(
    [
      { pair: elliptic, alg: 'ES256', kid: 'elliptic' },
      { pair: rsa, alg: 'PS256', kid: 'rsa' },
    ].map(async ({ pair, alg, kid }) => ({ ...(await exportJWK(pair.publicKey)), alg, kid, use: 'sig' })),
  );
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return {
    issuer,
    async assertion(subject, audience, change = {}) {
      const now = Math.floor(Date.now() / 1000);
      const alg = change.algorithm ?? 'ES256';
      const { privateKey } = change.forged === true ? unpublished : alg === 'PS256' ? rsa : elliptic;
      const claims = {
        iss: issuer,
        sub: subject,
        aud: audience,
        jti: randomUUID(),
        iat: now,
        exp: now + 120,
        auth_time: now - 5,
        acr: 'phr',
        amr: ['hwk', 'user'],
        ...change.claims,
      };
      return new SignJWT(claims)
        .setProtectedHeader({ alg, kid: alg === 'PS256' ? 'rsa' : 'elliptic', typ: change.typ ?? 'JWT' })
        .sign(privateKey);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
