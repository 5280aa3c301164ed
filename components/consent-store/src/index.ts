import type { ComponentMigrations } from '@countersign/runtime';

export { type ConsentStoreDependencies, createConsentStore, type RunningConsentStore } from './consent-store.ts';
export { type ConsentStoreRoutes, consentStoreRoutes } from './http.ts';
export { type DescribedLifeCycle, describeLifeCycle } from './life-cycle.ts';
export { type VerifiedVersions, type VersionFault, verifyMandateVersions } from './verify-versions.ts';

export const consentStoreMigrations: ComponentMigrations = {
  name: 'consent-store',
  schema: 'consent_store',
  role: 'countersign_consent_store',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
