import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { freePort } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import type { CertificateAuthorityDependencies } from '../../dependencies.ts';
import { acmeRoutes, publicKeyInfrastructureRoutes, type RunningCertificateAuthority } from '../../index.ts';
import { createAuthorityWorld, holder, olga } from '../../testing/authority-world.ts';

/** A certificate authority with a listening ACME server, on one or several nodes. */
export async function createAcmeWorld(changes: Partial<CertificateAuthorityDependencies> = {}) {
  const world = await createAuthorityWorld();
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const servers: FastifyInstance[] = [];
  const nodeHere = () => world.node({ issuer, hosts: ['.bank.example'], ...changes });
  const ca = nodeHere();
  await world.establish(ca, 'workload', 'partner');

  /** Another node of the same installation, with its own listener and the same issuer. */
  async function serve(one: RunningCertificateAuthority, at?: number) {
    const app = createHttpServer({ logger, metrics: createMetrics() });
    acmeRoutes(app, { certificateAuthority: one, issuer, clock: world.clock });
    publicKeyInfrastructureRoutes(app, { certificateAuthority: one, clock: world.clock });
    await app.listen({ host: 'localhost', port: at ?? (await freePort()) });
    servers.push(app);
    return app;
  }

  return {
    ...{ world, ca, issuer, nodeHere, serve },
    app: await serve(ca, port),
    enrol: (profile = 'gateway', of = 'service:gateway', dnsNames: readonly string[] = ['gw.bank.example']) =>
      ca.enrolments.make({ profile, holder: holder(of), dnsNames }, olga),
    async close() {
      await Promise.all(servers.map((each) => each.close()));
      await world.close();
    },
  };
}
export type AcmeWorld = Awaited<ReturnType<typeof createAcmeWorld>>;
