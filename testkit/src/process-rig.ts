import { defined, systemClock } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import {
  createPeer,
  type Peer,
  type PeerOptions,
  type ProcessIdentity,
  processUri,
  type ServedCalls,
  serveCalls,
} from '@countersign/wire';
import type { FastifyInstance } from 'fastify';
import { createTestAuthority, type TestAuthority } from './certificates.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

export function processIdentityOf(authority: TestAuthority, name: string, uris = [processUri(name)]): ProcessIdentity {
  const { certificatePem, privateKeyPem } = authority.issue({
    subject: `CN=${name}`,
    sans: { uri: uris, dns: ['localhost'] },
  });
  return { certificate: certificatePem, key: privateKeyPem, authorities: authority.certificatePem };
}

export interface ServedByRig {
  readonly calls?: ReturnType<typeof serveCalls>;
  readonly mount?: (app: FastifyInstance) => void;
  /** One of the rig's authority by default. */
  readonly identity?: ProcessIdentity;
}

/** Processes of one installation, each listening for the others, and the connections between them. */
export function createProcessRig() {
  const authority = createTestAuthority({ name: 'processes' });
  const open: { stop(): Promise<unknown> }[] = [];
  return {
    authority,
    identity: (name: string): ProcessIdentity => processIdentityOf(authority, name),
    /** @returns its address */
    async serve(
      name: string,
      { calls, mount, identity = processIdentityOf(authority, name) }: ServedByRig,
    ): Promise<string> {
      const { certificate, key, authorities } = identity;
      const app = createHttpServer({
        ...{ logger, metrics: createMetrics(), clock: systemClock },
        tls: { certificate, key, onlyVouchedForBy: authorities },
        ...defined({ elsewhere: calls }),
      });
      mount?.(app);
      open.push({
        stop() {
          app.server.closeAllConnections();
          return app.close();
        },
      });
      const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
      return `https://localhost:${port}`;
    },
    connect(options: Pick<PeerOptions, 'name' | 'addresses'> & Partial<PeerOptions>, as = 'edge'): Peer {
      const peer = createPeer({ identity: processIdentityOf(authority, as), logger, ...options });
      open.push(peer);
      return peer;
    },
    async stop(): Promise<void> {
      for (const each of open.splice(0).reverse()) await each.stop();
    },
  };
}
export type ProcessRig = ReturnType<typeof createProcessRig>;

/** Serves calls of every process that `mayCall` permits. */
export const serving = (offered: ServedCalls['offered'], more: Partial<ServedCalls> = {}): ServedByRig => ({
  calls: serveCalls({
    ...{ offered, mayCall: () => true, onRefused: async () => undefined, logger, metrics: createMetrics() },
    ...more,
  }),
});
