import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const devicesMigrations: ComponentMigrations = {
  name: 'devices',
  schema: 'devices',
  role: 'countersign_devices',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
