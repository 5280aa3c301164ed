import type { ComponentMigrations } from '@countersign/runtime';

export { trustRegistryRoutes } from './http.ts';
export { createTrustRegistry, type TrustRegistryComponent, type TrustRegistryDependencies } from './trust-registry.ts';

export const trustRegistryMigrations: ComponentMigrations = {
  name: 'trust-registry',
  schema: 'trust_registry',
  role: 'countersign_trust_registry',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
