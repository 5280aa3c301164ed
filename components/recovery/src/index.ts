import type { ComponentMigrations } from '@countersign/runtime';

/** This component's schema and role in the database. */
export const recoveryMigrations: ComponentMigrations = {
  name: 'recovery',
  schema: 'recovery',
  role: 'countersign_recovery',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};

export { type RecoveryConfiguration, recoverySchema } from './config.ts';
export type { RecoveryDependencies } from './dependencies.ts';
export { type RecoveryRoutes, recoveryRoutes } from './http/routes.ts';
export { type RecoveryPages, recoveryPages } from './pages/routes.ts';
export { createRecovery, type RunningRecovery } from './recoveries.ts';
