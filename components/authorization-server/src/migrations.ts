/** Every row this component has: keys, single-use claims, and what lives between a request and its answer. */
export const authorizationServerMigrations = {
  name: 'authorization-server',
  schema: 'authorization_server',
  role: 'countersign_authorization_server',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
} as const;
