import type { ComponentMigrations } from '@countersign/runtime';

export {
  type AuthenticationDependencies,
  createAuthentication,
  type RunningAuthentication,
} from './authentication.ts';
export type { AuthenticationConfiguration } from './config.ts';
export { authenticationRoutes } from './http.ts';

export const authenticationMigrations: ComponentMigrations = {
  name: 'authentication',
  schema: 'authentication',
  role: 'countersign_authentication',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
