export { erasureApproval, retentionApproval } from './deciding.ts';
export type { RetentionDependencies } from './dependencies.ts';
export { holdRelease } from './holds.ts';
export { type RetentionRoutes, retentionRoutes } from './http.ts';
export { retentionMigrations } from './migrations.ts';
export { createRetention, type RunningRetention } from './retention.ts';
