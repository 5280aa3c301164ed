export { type AuditLogDependencies, createAuditLog, type RunningAuditLog } from './audit-log.ts';
export { type AuditLogRoutes, auditLogRoutes } from './http.ts';

export const auditLogMigrations = {
  name: 'audit-log',
  schema: 'audit_log',
  role: 'countersign_audit_log',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'insert-and-read',
} as const;
