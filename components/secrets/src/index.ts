import type { ComponentMigrations } from '@countersign/runtime';

export type { SecretsDependencies } from './dependencies.ts';
export { secretsRoutes } from './http/routes.ts';
export { venuesRoutes } from './http/venue-routes.ts';
export { secretApproval } from './proposals.ts';
export { createSecrets, type RunningSecrets } from './secrets.ts';
export { createPostgresqlTarget, type LeaseTarget } from './store/index.ts';

/** The schema and migrations of this component. */
export const secretsMigrations: ComponentMigrations = {
  name: 'secrets',
  schema: 'secrets',
  role: 'countersign_secrets',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
