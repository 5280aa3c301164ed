export { type RecoveryConfiguration, recoverySchema } from './config.ts';
export type { RecoveryDependencies } from './dependencies.ts';
export { type RecoveryRoutes, recoveryRoutes } from './http/routes.ts';
export { recoveryMigrations } from './migrations.ts';
export { type RecoveryPages, recoveryPages } from './pages/routes.ts';
export { createRecovery, type RunningRecovery } from './recoveries.ts';
