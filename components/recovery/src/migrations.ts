import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const recoveryMigrations: ComponentMigrations = {
  name: 'recovery',
  schema: 'recovery',
  role: 'countersign_recovery',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
