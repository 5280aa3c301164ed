export {
  type AuthorizationServerComponent,
  type AuthorizationServerDependencies,
  createAuthorizationServer,
} from './authorization-server.ts';
export type { AuthorizationServerConfig } from './config.ts';
export { authorizationServerRoutes } from './http.ts';
export { authorizationServerMigrations } from './migrations.ts';
export { revocationsRoutes } from './revocations/index.ts';
