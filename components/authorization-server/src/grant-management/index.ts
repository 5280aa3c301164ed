export type { GrantDescription } from './describe-grant.ts';
export {
  createGrantManagement,
  type GrantManagement,
  type GrantManagementDependencies,
  grantManagementMetadata,
  grantManagementPath,
  grantManagementScopes,
} from './grant-management.ts';
export { grantManagementRoutes } from './http.ts';
