import type { ComponentMigrations } from '@countersign/runtime';

export { erasureApproval, retentionApproval } from './deciding.ts';
export type { RetentionDependencies } from './dependencies.ts';
export { holdRelease } from './holds.ts';
export { type RetentionRoutes, retentionRoutes } from './http.ts';
export { createRetention, type RunningRetention } from './retention.ts';

export const retentionMigrations: ComponentMigrations = {
  name: 'retention',
  schema: 'retention',
  role: 'countersign_retention',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
