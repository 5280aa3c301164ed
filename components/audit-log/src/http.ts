import type { FastifyInstance } from 'fastify';
import { exportRoutes } from './http/export.ts';
import { graphRoutes } from './http/graph.ts';
import { logRoutes } from './http/log.ts';
import type { ReadingRoutes } from './http/reading-request.ts';
import { recordRoutes } from './http/records.ts';
import { schemaRoutes } from './http/schemas.ts';
import { transactionEvidenceRoutes } from './http/transactions.ts';
import { createReadingTurns } from './reading/turns.ts';

export type AuditLogRoutes = Omit<ReadingRoutes, 'turns'>;

/** The log as C2SP tlog-tiles under `/log`, and as evidence under `/evidence`. */
export function auditLogRoutes(app: FastifyInstance, options: AuditLogRoutes): void {
  logRoutes(app, options);
  const reading = { ...options, turns: createReadingTurns() };
  transactionEvidenceRoutes(app, reading);
  graphRoutes(app, reading);
  exportRoutes(app, reading);
  recordRoutes(app, reading);
  schemaRoutes(app, options);
}
