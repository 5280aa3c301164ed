import type { Signer } from '@countersign/contracts';
import { described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { keySet } from '../answers.ts';

/** How long a reader may keep the key set: a new key is published for longer before it signs. */
const cacheSeconds = 60;

/** The public keys by which anybody can check the signature of a version. */
export function keyRoute(app: FastifyInstance, signer: Pick<Signer, 'publicKeys'>): void {
  app.get(
    '/mandates/keys',
    described({
      tag: 'mandates',
      summary: 'Keys that sign versions of mandates',
      description: 'For everybody.',
      answers: { 200: { description: 'Every key that a signature may name', body: keySet } },
    }),
    async (_request, reply) => {
      const keys = await signer.publicKeys('mandate');
      void reply.header('cache-control', `public, max-age=${cacheSeconds}`);
      return { keys: keys.map(({ kid, algorithm, jwk }) => ({ ...jwk, kid, alg: algorithm, use: 'sig' })) };
    },
  );
}
