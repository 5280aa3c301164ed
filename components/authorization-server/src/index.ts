export {
  type AuthorizationServerComponent,
  type AuthorizationServerDependencies,
  createAuthorizationServer,
} from './authorization-server.ts';
export { createKeyReminders, type KeyReminders } from './client-keys/index.ts';
export type { AuthorizationServerConfig } from './config.ts';
export { createGrantManagement, type GrantManagement, grantManagementRoutes } from './grant-management/index.ts';
export { authorizationServerRoutes } from './http.ts';
export { authorizationServerMigrations } from './migrations.ts';
export {
  createRegistration,
  type Registration,
  registrationPolicySchema,
  registrationRoutes,
} from './registration/index.ts';
export { revocationLift, revocationsRoutes } from './revocations/index.ts';
