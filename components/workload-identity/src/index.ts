import type { ComponentMigrations } from '@countersign/runtime';

export type { Verifiers } from './attestation/evidence.ts';
export { fetchedKeys, keysIn, pinnedKeys } from './attestation/issuer-keys.ts';
export type { WorkloadIdentityDependencies } from './dependencies.ts';
export { type WorkloadIdentityRoutes, workloadIdentityRoutes } from './http/routes.ts';
export { workloadApproval } from './register.ts';
export { createWorkloadIdentity, type RunningWorkloadIdentity } from './workload-identity.ts';

/** The schema and migrations of this component. */
export const workloadIdentityMigrations: ComponentMigrations = {
  name: 'workload-identity',
  schema: 'workload_identity',
  role: 'countersign_workload_identity',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
