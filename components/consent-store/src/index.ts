import type { ComponentMigrations } from '@countersign/runtime';

export { type ConsentStoreDependencies, createConsentStore, type RunningConsentStore } from './consent-store.ts';
export { consentStoreRoutes } from './http.ts';

export const consentStoreMigrations: ComponentMigrations = {
  name: 'consent-store',
  schema: 'consent_store',
  role: 'countersign_consent_store',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
