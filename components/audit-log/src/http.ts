import type { ResourceGuard } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { FastifyInstance } from 'fastify';
import type { RunningAuditLog } from './audit-log.ts';
import { exportRoutes } from './http/export.ts';
import { graphRoutes } from './http/graph.ts';
import { logRoutes } from './http/log.ts';
import { recordRoutes } from './http/records.ts';
import { schemaRoutes } from './http/schemas.ts';
import { transactionEvidenceRoutes } from './http/transactions.ts';
import type { ReadingRules } from './reading/rights.ts';
import { createReadingTurns } from './reading/turns.ts';

export interface AuditLogRoutes extends ReadingRules {
  readonly auditLog: RunningAuditLog;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The log over HTTP: as C2SP tlog-tiles under `/log`, as evidence under `/evidence`. */
export function auditLogRoutes(app: FastifyInstance, options: AuditLogRoutes): void {
  logRoutes(app, options);
  const reading = { ...options, turns: createReadingTurns() };
  transactionEvidenceRoutes(app, reading);
  graphRoutes(app, reading);
  exportRoutes(app, reading);
  recordRoutes(app, reading);
  schemaRoutes(app, options);
}
