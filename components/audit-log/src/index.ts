export { type AuditLogDependencies, createAuditLog, type RunningAuditLog } from './audit-log.ts';
export { chronyClockSource } from './clock/chrony.ts';
export type { ClockPolicy, ClockQuality } from './clock/clock-keeper.ts';
export { type ClockReading, type ClockSource, systemClockSource } from './clock/clock-source.ts';
export { type NtpServer, ntpClockSource } from './clock/ntp.ts';
export { type AuditLogRoutes, auditLogRoutes } from './http.ts';
export { createProtection, type ProtectionDependencies } from './protection/create-protection.ts';
export type { OpenedValue, Protection } from './protection/protection.ts';
export type { CopyResult, LogSource } from './publication/copy-log.ts';
export { mirrorLog } from './publication/copy-log.ts';
export type { FolderPublishing } from './publication/folder-publisher.ts';
export type { Head } from './publication/head-guard.ts';
export type { WitnessingOptions } from './publication/publisher.ts';
export { createPagedStreamer } from './scanning/paged-streamer.ts';
export { createRecordPages } from './scanning/record-pages.ts';

export const auditLogMigrations = {
  name: 'audit-log',
  schema: 'audit_log',
  role: 'countersign_audit_log',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'insert-and-read',
} as const;

/** The role that removes evidence and can do nothing else. Migrated after the log. */
export const evidenceEraserMigrations = {
  name: 'evidence-eraser',
  schema: 'evidence_eraser',
  role: 'countersign_evidence_eraser',
  migrationsFolder: new URL('../eraser-migrations/', import.meta.url),
  grants: 'functions-alone',
} as const;
