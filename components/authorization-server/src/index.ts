export { type AuthorizationServerDependencies, createAuthorizationServer } from './authorization-server.ts';
export type { AuthorizationServerConfig } from './config.ts';
export { authorizationServerRoutes } from './http.ts';

/** Signing keys and single-use claims: the only rows this component has. */
export const authorizationServerMigrations = {
  name: 'authorization-server',
  schema: 'authorization_server',
  role: 'countersign_authorization_server',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
} as const;
