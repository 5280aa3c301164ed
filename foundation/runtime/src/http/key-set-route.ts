import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { described } from './described.ts';

/** A public key as a signer lists it. */
interface ListedKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly jwk: Readonly<Record<string, string>>;
}

/** Cache time of the key set. A new key is published for longer than this before it signs. */
const cacheSeconds = 60;

const keySet = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        { kty: Type.String(), kid: Type.String(), alg: Type.String(), use: Type.Literal('sig') },
        { additionalProperties: true },
      ),
    ),
  },
  { additionalProperties: false, title: 'KeySet', description: 'JWK Set (RFC 7517)' },
);

/** Serves the public keys that verify a component's signatures. */
export function keySetRoute(
  app: FastifyInstance,
  path: string,
  about: { readonly tag: string; readonly summary: string; readonly keys: () => Promise<readonly ListedKey[]> },
): void {
  const { tag, summary, keys } = about;
  app.get(
    path,
    described({
      tag,
      summary,
      description:
        'For everybody. A key is in it before its first signature, and as long as anything it signed must verify.',
      answers: { 200: { description: 'Every key that a signature may name', body: keySet } },
    }),
    async (_request, reply) => {
      const listed = await keys();
      void reply.header('cache-control', `public, max-age=${cacheSeconds}`);
      return { keys: listed.map(({ kid, algorithm, jwk }) => ({ ...jwk, kid, alg: algorithm, use: 'sig' })) };
    },
  );
}
