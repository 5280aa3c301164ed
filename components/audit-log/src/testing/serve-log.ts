import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createHttpServer, createMetrics } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type AuditLogRoutes, auditLogRoutes, type RunningAuditLog } from '../index.ts';
import { logger, type Rig } from './rig.ts';

/** A token names its institution and scopes: `DPoP <lei> <scope> <scope>`. The caller is the institution's auditor. */
const auditors: ResourceGuard = {
  async check({ authorization }, need): Promise<Caller> {
    const [, institution = '', ...scope] = (authorization[0] ?? '').split(' ');
    if (!scope.includes(need.scope)) throw accessErrors.error('insufficient_scope', `The token lacks ${need.scope}.`);
    return {
      subject: `person:auditor-of-${institution}`,
      client: 'console',
      institution,
      actors: ['agent:assistant'],
      scope,
      tokenId: 't',
      authorizationDetails: [],
    };
  },
};

/** The routes of a log at `https://log.example`, on a server that is asked by `inject`. */
export function serveLog(
  { clock }: Pick<Rig, 'clock'>,
  auditLog: RunningAuditLog,
  {
    operator,
    partiesOf = async () => [],
    guard = auditors,
  }: Pick<AuditLogRoutes, 'operator'> & Partial<Pick<AuditLogRoutes, 'partiesOf' | 'guard'>>,
): FastifyInstance {
  const app = createHttpServer({ logger, metrics: createMetrics() });
  auditLogRoutes(app, {
    ...{ auditLog, guard, operator, partiesOf, clock },
    baseUrl: 'https://log.example',
    random: systemRandom,
  });
  return app;
}
