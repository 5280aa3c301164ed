import { systemClock } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import {
  type InterfaceOptions,
  mountCertificateInterfaces,
  mountCoreInterfaces,
  mountEdgeInterfaces,
  mountEgressInterfaces,
  mountEvidenceInterfaces,
  mountSecretInterfaces,
} from '../interfaces/interfaces.ts';
import { unusedPart } from '../openapi/describe-interfaces.ts';
import type { ProcessGroup } from '../process-groups/groups.ts';

export function doorsOfGroups(): readonly { readonly group: ProcessGroup; readonly path: string }[] {
  const mounts: Readonly<Record<ProcessGroup, (app: FastifyInstance, options: InterfaceOptions) => void>> = {
    edge: (app, options) => mountEdgeInterfaces(app, unusedPart(), options),
    core: (app, options) => mountCoreInterfaces(app, unusedPart(), options),
    egress: (app, options) => mountEgressInterfaces(app, unusedPart(), options),
    'certificate-authority': (app, options) => mountCertificateInterfaces(app, unusedPart(), options),
    secrets: (app, options) => mountSecretInterfaces(app, unusedPart(), options),
    evidence: (app, options) => mountEvidenceInterfaces(app, unusedPart(), options),
  };
  return (Object.keys(mounts) as ProcessGroup[]).flatMap((group) => {
    const paths = new Set<string>();
    const app = createHttpServer({
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics: createMetrics(),
    });
    app.addHook('onRoute', ({ url }) => void paths.add(url));
    mounts[group](app, {
      guard: () => unusedPart(),
      configuration: {
        issuer: 'https://cs.example',
        environment: 'production',
        logOrigin: 'log.example/1',
        operator: { lei: '5493001KJTIIGC8Y1R12', name: 'Operator', country: 'DE', jwks: { keys: [{}] } },
      },
      baseUrl: 'https://cs.example',
      clock: systemClock,
      openapi: async () => '',
    });
    return [...paths].map((path) => ({ group, path }));
  });
}
