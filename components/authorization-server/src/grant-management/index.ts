export {
  createGrantManagement,
  type GrantManagement,
  grantManagementMetadata,
  grantManagementPath,
  grantManagementScopes,
} from './grant-management.ts';
export { grantManagementRoutes } from './http.ts';
