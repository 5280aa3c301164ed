import type { ResourceGuard } from '@countersign/contracts';
import type { FastifyInstance } from 'fastify';
import type { RunningAuditLog } from './audit-log.ts';
import { logRoutes } from './http/log.ts';
import { recordRoutes } from './http/records.ts';
import { transactionEvidenceRoutes } from './http/transactions.ts';

export interface AuditLogRoutes {
  readonly auditLog: RunningAuditLog;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** The log over HTTP: as C2SP tlog-tiles under `/log`, as evidence under `/evidence`. */
export function auditLogRoutes(app: FastifyInstance, options: AuditLogRoutes): void {
  logRoutes(app, options);
  transactionEvidenceRoutes(app, options);
  recordRoutes(app, options);
}
