/** All rows of this component: keys, single-use claims, and state kept between a request and its response. */
export const authorizationServerMigrations = {
  name: 'authorization-server',
  schema: 'authorization_server',
  role: 'countersign_authorization_server',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
} as const;
